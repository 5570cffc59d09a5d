"""The screens are written out in screens.txt: in a terminal with colour, and two of them in a pipe.

`UPDATE_GOLDEN=1 pytest tests/operate/test_screens.py` writes the file anew: read the difference before you commit it.
"""

import os
import re
from pathlib import Path

import pytest

from operate.terminal.screen import screen
from tests.operate.screens import DIGEST, FILL_IN, SCREENS, show

GOLDEN = Path(__file__).parent / "screens.txt"
PIPED = ("health_outage", "check")  # with lines that a terminal wraps
COLOUR = re.compile("\x1b\\[[0-9;]*m")
WIDTHS = (60, 80, 120)


def printed(name: str, width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return a screen as a terminal of this width gets it; None means a pipe."""
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    if width is not None:
        monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(width))
    show(name, screen())
    lines = capsys.readouterr().out.splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def test_the_screens_are_those_of_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [("80 columns", name, 80) for name in SCREENS] + [("piped", name, None) for name in PIPED]
    screens = [f"==== {name}, {title}\n{printed(name, width, monkeypatch, capsys)}" for title, name, width in cases]
    # an escape sequence as a visible character, so that a difference can be read
    shown = "".join(screens).replace("\x1b", "␛")

    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(shown)
    assert shown == GOLDEN.read_text()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_line_is_as_wide_as_the_terminal_unless_it_is_to_be_copied(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = COLOUR.sub("", printed(name, width, monkeypatch, capsys)).splitlines()

    copied = (FILL_IN, DIGEST, DIGEST[::-1])
    assert [line for line in lines if len(line) > width and not any(one in line for one in copied)] == []


@pytest.mark.parametrize("name", SCREENS)
def test_a_pipe_gets_no_escape_sequence(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\x1b" not in printed(name, None, monkeypatch, capsys)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[1;31m" in printed("health_outage", 80, monkeypatch, capsys)

    monkeypatch.setenv("NO_COLOR", "1")
    show("health_outage", screen())

    assert re.findall("\x1b\\[(?:[0-9]+;)*[34][0-9]m", capsys.readouterr().out) == []
