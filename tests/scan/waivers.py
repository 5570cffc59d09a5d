"""The findings that may stay: `waivers.toml`, held against what the scanners find."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.scan.scanners import Finding

WAIVERS = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Waiver:
    """A decision that findings of these checks on these places stay."""

    checks: list[str]
    on: list[str]
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Return whether the waiver is for this finding."""
        on_it = any(fnmatchcase(finding.place, place) for place in self.on)
        return on_it and finding.check in self.checks


def waivers() -> list[Waiver]:
    """Return the waivers of the file."""
    return [Waiver(**told) for told in tomllib.loads(WAIVERS.read_text())["waiver"]]


def unwaived(found: Sequence[Finding], waived: Sequence[Waiver]) -> list[Finding]:
    """Return the findings that no waiver covers."""
    return [finding for finding in found if not any(waiver.covers(finding) for waiver in waived)]


def unneeded(found: Sequence[Finding], waived: Sequence[Waiver]) -> list[str]:
    """Return the checks and places in waivers that cover no finding."""
    told: list[str] = []
    for waiver in waived:
        covered = [finding for finding in found if waiver.covers(finding)]
        told += [check for check in waiver.checks if check not in {finding.check for finding in covered}]
        told += [place for place in waiver.on if not any(fnmatchcase(finding.place, place) for finding in covered)]
    return told
