"""`make recording`: run the demo and write what it prints, as a moving picture (docs/demo.svg) and as README's text."""

import io
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from sandbox import REPOSITORY
from sandbox.aws.emulator import SandboxError
from sandbox.environment import run, say

PICTURE = REPOSITORY / "docs" / "demo.svg"
README = REPOSITORY / "README.md"
COLUMNS = 120
LONGEST_WAIT = 2.0  # seconds in the picture between two lines
PROMPT = "$ make demo"

# rich's own format without its web fonts: a page shows a picture without fetching anything for it.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
ANIMATION
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@dataclass(frozen=True)
class Line:
    """A line of output, and the seconds from the start until it came."""

    text: str
    seconds: float


def record() -> None:
    """Run the demo once and write both forms of its output."""
    lines = lines_of_a_run()
    PICTURE.write_text(picture(lines))
    README.write_text(with_run(README.read_text(), [line.text for line in lines]))
    say(f"Written: {PICTURE.relative_to(REPOSITORY)} and the run in README.md.")


def lines_of_a_run() -> list[Line]:
    """Return what the demo prints. Raises SandboxError if it fails."""
    started = time.monotonic()
    command = [sys.executable, "-m", "sandbox.demo"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as demo:
        lines = [Line(line.rstrip("\n"), time.monotonic() - started) for line in demo.stdout or ()]
    if demo.returncode:
        raise SandboxError("the demo failed: nothing was recorded")
    return lines


def picture(lines: Sequence[Line]) -> str:
    """Return the lines as an SVG picture in which each appears when it was printed; long waits are shortened.

    Where the reader wants no motion, all lines are there at once.
    """
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(PROMPT, style="bold"))
    rules, shown_at, row, before = [], 0.5, 1, 0.0
    for line in lines:
        shown_at += min(line.seconds - before, LONGEST_WAIT)
        before = line.seconds
        height = max(1, -(-len(line.text) // COLUMNS))
        console.print(_styled(line.text))
        rules += [
            f'text[clip-path="url(#demo-line-{number})"] {{ animation: appear 0.1s {shown_at:.1f}s both }}'
            for number in range(row, row + height)
        ]
        row += height
    animation = "@media (prefers-reduced-motion: no-preference) {\n" + "\n".join(rules) + "\n}"
    keyframes = "@keyframes appear { from { opacity: 0 } }"
    drawn = console.export_svg(title="Personal Link connector", code_format=FORMAT, unique_id="demo")
    return re.sub(r"[ \t]+$", "", drawn.replace("ANIMATION", f"{keyframes}\n{animation}"), flags=re.MULTILINE)


def _styled(line: str) -> Text:
    """Return a line with its headings bold, links blue, and outcomes green or yellow."""
    text = Text(line)
    text.highlight_regex(r"^\d\. .*", "bold")
    text.highlight_regex(r"https?://\S+", "bright_blue")
    text.highlight_regex(r"\b(created|Every check passed|200)\b", "green")
    text.highlight_regex(r"\b(rejected|parked|403)\b", "yellow")
    return text


def with_run(readme: str, lines: Sequence[str]) -> str:
    """Return README with these lines in its block of text."""
    block = "```text\n" + "\n".join(lines) + "\n```"
    return re.sub(r"^```text\n.*?^```", lambda _: block, readme, count=1, flags=re.DOTALL | re.MULTILINE)


if __name__ == "__main__":
    run(record)
