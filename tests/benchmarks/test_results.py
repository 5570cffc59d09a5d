"""`make bench` writes a file of figures, a page and two charts: what was measured, and nothing else."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from benchmarks import figures, run
from benchmarks.figures import Row
from benchmarks.page import page

START = [
    Row.of("init, http_api", "ms", [180.0, 183.2, 190.5]),
    Row.of("init, http_api / floor", "", [0.817], goal=1.10),
    Row.of("init, http_api / composed", "", [0.76], goal=0.75),
]
GOODPUT = [
    Row.of(f"200 messages, {rate}% of the calls fail: {share} / healthy", "", [1.2], goal=1.5)
    for rate in (5, 20)
    for share in ("95 %", "all")
]


def bench(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, **measurements: list[Row] | None) -> int:
    """Run `make bench` with these measurements; None cannot be measured."""

    def measuring(rows: list[Row] | None) -> SimpleNamespace:
        def measure() -> list[Row]:
            if rows is None:
                raise OSError("no emulator here")
            return rows

        return SimpleNamespace(TITLE="A title", measure=measure)

    modules = {f"benchmarks.{name}": measuring(rows) for name, rows in measurements.items()}
    monkeypatch.setattr(run, "import_module", modules.__getitem__)
    monkeypatch.setattr(run, "FOLDER", folder)
    return run.main(arguments)


def test_a_run_writes_medians_with_quartiles_charts_and_whether_each_goal_is_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(monkeypatch, tmp_path, "--only", "start,goodput", start=START, goodput=GOODPUT) == 0

    printed = capsys.readouterr().out
    assert re.search(r"init, http_api / floor +0\.817 +at most 1\.1: reached", printed)
    assert re.search(r"init, http_api / composed +0\.76 +at most 0\.75: NOT reached", printed)
    written = (tmp_path / "README.md").read_text()
    assert {file.name for file in tmp_path.iterdir()} == {"README.md", "figures.json", "goodput.svg", "start.svg"}
    assert figures.read(tmp_path / "figures.json")["start"].rows == START
    assert "| init, http_api / floor | ≤ 1.10 | 0.817 | reached |" in written
    assert "| init, http_api / composed | ≤ 0.75 | 0.760 | **not reached** |" in written
    assert "| init, http_api | 183 ms | 182 to 187 | 3 |" in written
    assert texts(tmp_path / "start.svg") >= {"ms", "http_api", "183"}
    assert texts(tmp_path / "goodput.svg") >= {"% of the calls that fail", "95 % have their result", "goal, all"}


def test_a_run_of_one_measurement_leaves_the_figures_and_charts_of_the_others_unchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench(monkeypatch, tmp_path, "--only", "start", start=START)
    first = (tmp_path / "start.svg").read_bytes()
    bench(monkeypatch, tmp_path, "--only", "warm", warm=GOODPUT)

    assert (tmp_path / "start.svg").read_bytes() == first
    assert list(json.loads((tmp_path / "figures.json").read_text())) == ["start", "warm"]


def test_a_failed_measurement_is_named_and_fails_the_run_but_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(monkeypatch, tmp_path, "--only", "warm,start", start=START, warm=None) == 1

    errors = capsys.readouterr().err
    assert "OSError: no emulator here" in errors
    assert "Could not be measured: warm;" in errors
    assert list(figures.read(tmp_path / "figures.json")) == ["start"]


def test_the_committed_page_matches_the_committed_figures_and_names_no_path_of_a_machine() -> None:
    assert (run.FOLDER / "README.md").read_text() == page(figures.read(run.FOLDER / "figures.json"))
    assert re.findall(r"/(?:home|root|tmp|work|Users|usr)\b", (run.FOLDER / "figures.json").read_text()) == []


def texts(svg: Path) -> set[str]:
    drawn = ET.parse(svg)  # noqa: S314 - one of our own charts
    return {element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
