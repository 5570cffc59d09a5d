"""`make bench` writes a file of figures, a page and two charts: what was measured, and nothing else."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from benchmarks import figures, run
from benchmarks.figures import Result, Row
from benchmarks.page import number, page

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


def test_a_row_of_figures_is_a_median_with_its_quartiles() -> None:
    row = Row.of("starts", "ms", [1.0, 2.0, 3.0, 4.0, 100.0])

    assert (row.low, row.median, row.high, row.samples) == (2.0, 3.0, 4.0, 5)
    assert Row.of("starts", "ms", [4.0]) == Row("starts", "ms", 4.0, 4.0, 4.0, 1)


def test_a_run_writes_the_figures_the_page_and_the_charts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bench(monkeypatch, tmp_path, "--only", "start,goodput", start=START, goodput=GOODPUT) == 0

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


def test_a_goal_that_is_not_reached_is_printed_and_does_not_fail_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(monkeypatch, tmp_path, "--only", "start", start=START) == 0

    printed = capsys.readouterr().out
    assert re.search(r"init, http_api / floor +0\.817 +at most 1\.1: reached", printed)
    assert re.search(r"init, http_api / composed +0\.76 +at most 0\.75: NOT reached", printed)


def test_a_failed_measurement_is_named_and_fails_the_run_but_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(monkeypatch, tmp_path, "--only", "warm,start", start=START, warm=None) == 1

    errors = capsys.readouterr().err
    assert "OSError: no emulator here" in errors
    assert "Could not be measured: warm;" in errors
    assert list(figures.read(tmp_path / "figures.json")) == ["start"]


def test_an_unknown_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--only", "start,finish"])

    assert "no such measurement: finish" in capsys.readouterr().err


def test_a_number_is_printed_with_its_significant_decimals_only() -> None:
    assert [number(value) for value in (0.0, 0.817, 4.0, 12.345, 224.4, 10_000)] == [
        *("0", "0.82", "4", "12.3", "224", "10,000")
    ]


def test_the_conditions_of_a_run_name_the_date_the_versions_and_the_processor() -> None:
    packages = r"boto3 [\d.]+, urllib3 [\d.]+, requests [\d.]+, aws-lambda-powertools [\d.]+, awslambdaric [\d.]+"
    assert re.fullmatch(rf"on [\d-]+ with Python 3\.13\.\d+, {packages}; \d+ x .+", run.conditions())


def test_the_page_calculates_the_cost_of_a_million_requests_from_prices_and_quantities() -> None:
    batches = [Row.of("batch of 1", "ms", [206.0]), Row.of("batch of 10", "ms", [224.0])]

    table = page({"batches": Result("on 2026-11-24", batches)})

    # 1.5 SQS requests at 0.40, 0.1 of Lambda at 0.20, 386 ms of 256 MB for ten, two writes at 0.625, storage, logs
    assert "| **sum** | | **2.42** | **4.92** | **7.37** | **2.39** | **101.90** |" in table
    assert "| ledger, writes | [$0.625 per million write units]" in table


def test_the_committed_page_matches_the_committed_figures_and_names_no_path_of_a_machine() -> None:
    assert (run.FOLDER / "README.md").read_text() == page(figures.read(run.FOLDER / "figures.json"))
    assert re.findall(r"/(?:home|root|tmp|work|Users|usr)\b", (run.FOLDER / "figures.json").read_text()) == []


def texts(svg: Path) -> set[str]:
    drawn = ET.parse(svg)  # noqa: S314 - one of our own charts
    return {element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
