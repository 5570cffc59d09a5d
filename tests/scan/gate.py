"""`make scan`: prints what the scanners find and no waiver covers; ends with 0 if there is none.

The template is linted as it is written and as CloudFormation gets it. Checkov looks at the latter only: it finds
nothing else in the former. Bandit tells all that it finds in what is shipped or has an operator's rights, and in the
sandbox from medium on: what it calls low is ruff's there (`S`), with a reason for each exception.
"""

import subprocess
import sys
from collections.abc import Sequence

from sandbox.template import REPOSITORY, SOURCE, TRANSLATED
from tests.scan.scanners import Finding, bandit, cfn_lint, checkov, detect_secrets
from tests.scan.waivers import WAIVERS, Waiver, unneeded, unwaived, waivers


def findings() -> list[Finding]:
    """Return all that the scanners find in this repository."""
    source, translated = (str(template.relative_to(REPOSITORY)) for template in (SOURCE, TRANSLATED))
    key, logging = "docs/customer-key.yaml", "docs/api-gateway-logging.yaml"
    examples = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docs/examples/**/*.yaml"))
    return [
        *cfn_lint(REPOSITORY, [source, translated, key, logging, *examples]),
        *checkov(REPOSITORY, translated),
        *checkov(REPOSITORY, key),
        *bandit(REPOSITORY, ["functions", "layers/personal_link", "operate"], level="low"),
        *bandit(REPOSITORY, ["sandbox"], level="medium"),
        *detect_secrets(REPOSITORY, files()),
    ]


def files() -> list[str]:
    """Return the files that are in the repository, or will be with the next commit."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    return [name for name in names.split("\0") if (REPOSITORY / name).is_file()]


def complaints(found: Sequence[Finding], waived: Sequence[Waiver]) -> list[str]:
    """Return, a line each, what has to be mended: findings without a waiver, waivers without a finding."""
    told = [f"{one.check} {one.place}: {one.says} ({one.file}:{one.line})" for one in unwaived(found, waived)]
    return told + [f"nothing needs the waiver of {name} any more" for name in unneeded(found, waived)]


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
