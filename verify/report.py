"""A report for the maintainers that names nothing of the account."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

Result = Literal["ok", "failed", "error", "needs AWS"]

# What a text of AWS may hold of an account. The checks' own texts have none of it; this is the second lock.
NAMING: Final = (
    (re.compile(r"arn:[^\s\"',;]+"), "<arn>"),
    (re.compile(r"https?://[^\s\"',;]+"), "<url>"),
    (re.compile(r"[\w.+-]+@[\w.-]+"), "<address>"),
    (re.compile(r"\b[\w-]+(\.[\w-]+)*\.(amazonaws|on\.aws|amazon|example)(\.[a-z]+)*\b"), "<host>"),
    (re.compile(r"personal-link-verify-[\w-]+"), "<stack>"),
    (re.compile(r"\b\d{12}\b"), "<account>"),
)


@dataclass(frozen=True)
class Row:
    """What became of a check."""

    check: str
    group: str
    result: Result
    seen: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """A run of the checks."""

    version: str
    where: str  # AWS or emulator
    region: str
    began: str
    minutes: float
    left_behind: int
    rows: Sequence[Row]

    def write(self, folder: Path) -> list[Path]:
        """Write verify-aws.json and verify-aws.md."""
        rows = [replace(row, seen=without_names(row.seen)) for row in self.rows]
        counts = Counter(row.result for row in rows)
        head = f"# make verify-aws on {self.where} ({self.region}), {self.began}\n\n"
        head += f"Version {self.version}, {self.minutes:.0f} minutes, {self.left_behind} things left behind. "
        head += (", ".join(f"{count} {result}" for result, count in counts.items()) or "No check ran") + ".\n\n"
        head += "| check | result | seen |\n| --- | --- | --- |\n"
        cells = [(row.check, row.result, " ".join(row.seen.split()).replace("|", "/")) for row in rows]
        lines = "".join(f"| {' | '.join(cell)} |\n" for cell in cells)
        content = asdict(replace(self, rows=rows))
        written = {"verify-aws.json": json.dumps(content, indent=2) + "\n", "verify-aws.md": head + lines}
        for name, text in written.items():
            (folder / name).write_text(text)
        return [folder / name for name in written]


def without_names(text: str) -> str:
    """Return a text without what names an account, a host or a person."""
    for pattern, instead in NAMING:
        text = pattern.sub(instead, text)
    return text
