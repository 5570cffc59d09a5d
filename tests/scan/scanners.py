"""The scanners of `.scan`, each as a function from what it looks at to what it finds. None of them uses a network."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.template import REPOSITORY

INSTALLED = REPOSITORY / ".scan" / "bin"


class ScannerError(Exception):
    """A scanner did not read what it was given: that it finds nothing means nothing."""


@dataclass(frozen=True)
class Finding:
    """What a scanner has against a resource of a template, or against a file."""

    check: str
    place: str  # the resource's logical id, or the file
    says: str
    file: str
    line: int
    text: str = ""  # the line itself; not to be printed, since it may hold a secret


def cfn_lint(folder: Path, templates: Sequence[str]) -> list[Finding]:
    """Lint templates by AWS's own rules and AWS Labs' rules for serverless applications."""
    rules = ["--append-rules", "cfn_lint_serverless.rules"]
    return [
        Finding(
            one["Rule"]["Id"],
            "".join((one["Location"]["Path"] or [])[1:2]),  # after Resources; none if the file is broken
            one["Message"],
            one["Filename"],
            one["Location"]["Start"]["LineNumber"],
        )
        for one in _report(folder, "cfn-lint", *rules, "--format", "json", "--", *templates)
    ]


def checkov(folder: Path, template: str) -> list[Finding]:
    """Look for weaknesses in a CloudFormation template."""
    offline = ["--framework", "cloudformation", "--skip-download"]
    found = _report(folder, "checkov", *offline, "--output", "json", "--file", template)
    if "summary" not in found or found["summary"]["parsing_errors"] or not found["summary"]["resource_count"]:
        raise ScannerError(f"checkov could not read {template}")
    return [
        Finding(
            one["check_id"],
            one["resource"].rpartition(".")[2],
            one["check_name"],
            template,
            one["file_line_range"][0],
        )
        for one in found["results"]["failed_checks"]
    ]


def bandit(folder: Path, code: Sequence[str], level: str) -> list[Finding]:
    """Look for weaknesses in Python code, from a level on (`low` finds the most)."""
    found = _report(folder, "bandit", "--quiet", "--format", "json", "--severity-level", level, "--recursive", *code)
    if found["errors"] or not found["metrics"]["_totals"]["loc"]:
        raise ScannerError(f"bandit could not read {found['errors'] or code}")
    return [
        Finding(one["test_id"], file := str(Path(one["filename"])), one["issue_text"], file, one["line_number"])
        for one in found["results"]
    ]


def detect_secrets(folder: Path, files: Sequence[str]) -> list[Finding]:
    """Look for passwords, keys and tokens; what is found is not tried out."""
    found = _report(folder, "detect-secrets", "scan", "--no-verify", *files)
    return [
        Finding(one["type"], file, "this may be a secret", file, number := one["line_number"], lines[number - 1])
        for file, secrets in found["results"].items()
        for lines in [(folder / file).read_text().splitlines()]
        for one in secrets
    ]


def _report(folder: Path, scanner: str, *arguments: str) -> Any:
    offline = {**os.environ, "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}
    command = [str(INSTALLED / scanner), *arguments]
    run = subprocess.run(command, cwd=folder, env=offline, capture_output=True, check=False, text=True)
    try:
        return json.loads(run.stdout)
    except ValueError:
        raise ScannerError(f"{scanner} ended with {run.returncode} and no report: {run.stderr[-2000:]}") from None
