"""`make scan`: print every finding of the scanners that no waiver covers; end with 0 if there is none.

The template is linted as it is written and as CloudFormation gets it. Checkov reads the latter only: it finds nothing
else in the former. No scanner uses a network. Weaknesses in Python code are ruff's (`S`, in `make lint`).
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import REPOSITORY
from sandbox.template import SOURCE, TRANSLATED

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


# Waivers: findings that may stay

WAIVERS = Path(__file__).with_name("waivers.toml")


@dataclass(frozen=True)
class Waiver:
    """A decision that findings of these checks on these places stay."""

    checks: list[str]
    on: list[str]
    reason: str


def waivers() -> list[Waiver]:
    """Return the waivers of the file."""
    return [Waiver(**told) for told in tomllib.loads(WAIVERS.read_text())["waiver"]]


# The gate


def findings() -> list[Finding]:
    """Return every finding in this repository."""
    source, translated = (str(template.relative_to(REPOSITORY)) for template in (SOURCE, TRANSLATED))
    key, logging = "docs/customer-key.yaml", "docs/api-gateway-logging.yaml"
    examples = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docs/examples/**/*.yaml"))
    return [
        *cfn_lint(REPOSITORY, [source, translated, "bulk/template.yaml", key, logging, *examples]),
        *checkov(REPOSITORY, translated),
        *checkov(REPOSITORY, key),
    ]


def complaints(found: Sequence[Finding], waived: Sequence[Waiver]) -> list[str]:
    """Return findings without a waiver, and checks and places of waivers without a finding, one line each."""
    told = [
        f"{one.check} {one.place}: {one.says} ({one.file}:{one.line})"
        for one in found
        if not any(one.check in waiver.checks and one.place in waiver.on for waiver in waived)
    ]
    for waiver in waived:
        covered = [one for one in found if one.check in waiver.checks and one.place in waiver.on]
        needed = {name for one in covered for name in (one.check, one.place)}
        unneeded = [name for name in (*waiver.checks, *waiver.on) if name not in needed]
        told += [f"nothing needs the waiver of {name} any more" for name in unneeded]
    return told


def main() -> int:
    """Run every scanner and return the exit code."""
    found, waived = findings(), waivers()
    told = complaints(found, waived)
    for line in told:
        print(line)
    print(f"{len(told)} unwaived findings; {len(waived)} waivers in {WAIVERS.relative_to(REPOSITORY)}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
