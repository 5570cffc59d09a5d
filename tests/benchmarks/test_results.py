"""What `make bench` writes: a file of figures, a page, and charts, each from what was measured and nothing else."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import results, run
from benchmarks.figures import Bars, Figure, Lines, Measurement, Row, Spread
from benchmarks.page import number, page
from benchmarks.results import Conditions, Result

CONDITIONS = Conditions("2026-11-24", "3.13.0", "2 x a processor", {"boto3": "1.43.102"})
START = Measurement(
    name="start",
    title="A cold start",
    rows=[Row("init, http_api", "ms", Spread(183.291, 180.0, 190.5, 21)), Row("starts", "", Spread(21, 21, 21, 1))],
    figures=[Figure("init, http_api / floor", 1.10, 0.817), Figure("init, http_api / composed", 0.75, 0.76)],
    charts=[
        Bars(
            "Init phase", "ms", {"http_api": Spread(183.2, 180.0, 190.5, 21), "floor": Spread(224.0, 220.0, 231.0, 21)}
        ),
        Lines("Growth", "requests", "seconds", {"measured": [(10, 1.5), (100, 15.0)]}, logarithmic=True),
    ],
    notes=["A whole core works here."],
)
LAYERS = Measurement("layers", "The layers", [Row("both", "MB", Spread(4.37, 4.37, 4.37, 1))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run.keep(Result(START, CONDITIONS), tmp_path)
    return tmp_path


def the_page(folder: Path) -> str:
    return (folder / "README.md").read_text()


def test_the_file_holds_what_was_measured_and_with_what(folder: Path) -> None:
    start = json.loads((folder / "figures.json").read_text())["start"]

    assert start["rows"][0] == {
        "what": "init, http_api",
        "unit": "ms",
        "spread": {"median": 183.29, "low": 180.0, "high": 190.5, "count": 21},
    }
    assert start["figures"] == [
        {"name": "init, http_api / floor", "limit": 1.1, "value": 0.817, "unit": "", "reached": True},
        {"name": "init, http_api / composed", "limit": 0.75, "value": 0.76, "unit": "", "reached": False},
    ]
    assert start["conditions"] == {
        "date": "2026-11-24",
        "python": "3.13.0",
        "processor": "2 x a processor",
        "packages": {"boto3": "1.43.102"},
    }


def test_what_is_read_from_the_file_is_what_was_written(folder: Path) -> None:
    read = results.read(folder / "figures.json")
    results.write(folder / "again.json", read)

    assert read["start"].measurement.charts[1] == START.charts[1]
    assert read["start"].conditions == CONDITIONS
    assert (folder / "again.json").read_text() == (folder / "figures.json").read_text()


def test_the_page_tells_which_goals_are_reached_and_which_are_not(folder: Path) -> None:
    assert "| init, http_api / floor | ≤ 1.10 | 0.817 | reached |" in the_page(folder)
    assert "| init, http_api / composed | ≤ 0.75 | 0.760 | **not reached** |" in the_page(folder)


def test_the_page_has_each_row_with_its_quartiles_and_each_note(folder: Path) -> None:
    assert "| init, http_api | 183 ms | 180 to 190 | 21 |" in the_page(folder)
    assert "| starts | 21 |  | 1 |" in the_page(folder)
    assert "\n- A whole core works here.\n" in the_page(folder)
    assert "2026-11-24 with Python 3.13.0, boto3 1.43.102; 2 x a processor." in the_page(folder)


def test_what_is_measured_alone_leaves_the_rest_as_it_was(folder: Path) -> None:
    run.keep(Result(LAYERS, CONDITIONS), folder)

    assert list(json.loads((folder / "figures.json").read_text())) == ["start", "layers"]
    assert re.findall("^## (.+)$", the_page(folder), re.MULTILINE) == ["A cold start", "The layers"]


def test_what_is_measured_again_takes_the_place_of_what_was(folder: Path) -> None:
    again = Measurement("start", "A colder start", [])
    run.keep(Result(LAYERS, CONDITIONS), folder)
    run.keep(Result(again, CONDITIONS), folder)

    assert re.findall("^## (.+)$", the_page(folder), re.MULTILINE) == ["A colder start", "The layers"]


def test_every_chart_is_drawn_with_its_labels_on_a_background_and_the_same_each_time(folder: Path) -> None:
    run.draw(folder)
    first = {chart.name: chart.read_text() for chart in folder.glob("*.svg")}
    run.draw(folder)

    assert {chart.name: chart.read_text() for chart in folder.glob("*.svg")} == first
    assert first.keys() == {"start-1.svg", "start-2.svg"}
    assert texts(first["start-1.svg"]) >= {"Init phase", "ms", "http_api", "floor", "183", "224"}
    assert texts(first["start-2.svg"]) >= {"Growth", "requests", "seconds", "measured"}
    for drawn in first.values():
        assert 'style="fill: #ffffff"' in drawn.partition("</g>")[0]
        assert "<dc:date>" not in drawn


def texts(svg: str) -> set[str]:
    drawn = ET.fromstring(svg)  # noqa: S314 - one of our own charts
    return {element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (0.817, "0.82"), (4.0, "4"), (12.345, "12.3"), (224.4, "224"), (10_000, "10,000")],
)
def test_a_number_has_the_decimals_that_tell_something(value: float, written: str) -> None:
    assert number(value) == written


def measuring(measurement: Measurement | None) -> object:
    class Module:
        @staticmethod
        def measure() -> Measurement:
            if not measurement:
                raise OSError("no emulator here")
            return measurement

    return Module


def bench(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, **measurements: Measurement | None) -> int:
    modules = {f"benchmarks.{name}": measuring(measurement) for name, measurement in measurements.items()}
    monkeypatch.setattr(run, "import_module", modules.__getitem__)
    monkeypatch.setattr(run, "FOLDER", folder)
    return run.main(arguments)


def test_a_goal_that_is_not_reached_is_printed_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = bench(monkeypatch, tmp_path, "--only", "start", start=START)

    assert code == 0
    printed = capsys.readouterr().out
    assert re.search(r"init, http_api / floor +0\.817 +at most 1\.1: reached", printed)
    assert re.search(r"init, http_api / composed +0\.760 +at most 0\.75: NOT reached", printed)
    assert {file.name for file in tmp_path.iterdir()} == {"README.md", "figures.json", "start-1.svg", "start-2.svg"}


def test_what_cannot_be_measured_is_named_and_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = bench(monkeypatch, tmp_path, "--only", "start,layers", start=None, layers=LAYERS)

    assert code == 1
    errors = capsys.readouterr().err
    assert "OSError: no emulator here" in errors
    assert "Could not be measured: start;" in errors
    assert list(results.read(tmp_path / "figures.json")) == ["layers"]


def test_a_name_that_is_no_measurements_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--only", "start,finish"])

    assert "no such measurement: finish" in capsys.readouterr().err


def test_what_is_measured_with_names_versions_and_no_machine() -> None:
    conditions = run.conditions()

    assert conditions.packages.keys() == {"boto3", "urllib3", "requests", "aws-lambda-powertools", "awslambdaric"}
    assert all(re.fullmatch(r"[0-9.]+", version) for version in conditions.packages.values())
    assert re.fullmatch(r"\d+ x .+", conditions.processor)


# --- what was committed -----------------------------------------------------------------------------------------------


def test_the_committed_page_says_what_the_committed_figures_say() -> None:
    assert the_page(run.FOLDER) == page(results.read(run.FOLDER / "figures.json"))


def test_the_committed_charts_are_those_of_the_committed_figures() -> None:
    read = results.read(run.FOLDER / "figures.json").values()
    drawn = {chart.name: texts(chart.read_text()) for chart in run.FOLDER.glob("*.svg")}

    charts = {
        file: chart.title
        for result in read
        for chart, file in zip(result.measurement.charts, results.chart_files(result.measurement), strict=True)
    }
    assert drawn.keys() == charts.keys()
    assert [file for file, title in charts.items() if title not in drawn[file]] == []


def test_the_committed_figures_name_no_machine_and_no_path() -> None:
    text = (run.FOLDER / "figures.json").read_text()

    assert re.findall(r"/(?:home|root|tmp|work|Users|usr)\b", text) == []
    assert str(Path.home()) not in text
