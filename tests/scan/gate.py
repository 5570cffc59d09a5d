"""`make scan`: print every finding of the scanners that no waiver covers; end with 0 if there is none.

The template is linted as it is written and as CloudFormation gets it. Checkov reads the latter only: it finds nothing
else in the former. Weaknesses in Python code are ruff's (`S`, in `make lint`).
"""

import sys
from collections.abc import Sequence

from sandbox.template import REPOSITORY, SOURCE, TRANSLATED
from tests.scan.scanners import Finding, cfn_lint, checkov
from tests.scan.waivers import WAIVERS, Waiver, unneeded, unwaived, waivers


def findings() -> list[Finding]:
    """Return every finding in this repository."""
    source, translated = (str(template.relative_to(REPOSITORY)) for template in (SOURCE, TRANSLATED))
    key, logging = "docs/customer-key.yaml", "docs/api-gateway-logging.yaml"
    examples = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docs/examples/**/*.yaml"))
    return [
        *cfn_lint(REPOSITORY, [source, translated, key, logging, *examples]),
        *checkov(REPOSITORY, translated),
        *checkov(REPOSITORY, key),
    ]


def complaints(found: Sequence[Finding], waived: Sequence[Waiver]) -> list[str]:
    """Return findings without a waiver and waivers without a finding, one line each."""
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
