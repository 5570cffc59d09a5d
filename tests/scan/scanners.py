"""The scanners of `.scan`, each as a function that returns its findings. None of them uses a network."""

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
    """A scanner could not read its input."""


@dataclass(frozen=True)
class Finding:
    """A weakness of a template's resource."""

    check: str
    place: str  # the resource's logical id
    says: str
    file: str
    line: int


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


def _report(folder: Path, scanner: str, *arguments: str) -> Any:
    offline = {**os.environ, "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}
    command = [str(INSTALLED / scanner), *arguments]
    run = subprocess.run(command, cwd=folder, env=offline, capture_output=True, check=False, text=True)
    try:
        return json.loads(run.stdout)
    except ValueError:
        raise ScannerError(f"{scanner} ended with {run.returncode} and no report: {run.stderr[-2000:]}") from None
