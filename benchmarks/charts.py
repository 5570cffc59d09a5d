"""Draws the charts of a figures.json beside it: `python -m benchmarks.charts FOLDER`, run by .bench's Python.

The same file gives the same charts, byte for byte. They have a background of their own, to be read on any page.
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.figures import Bars, Lines
from benchmarks.results import chart_files, read

INK = "#1f2328"
QUARTILES = "#57606a"
OURS = ("http_api", "queue_worker", "queue path")  # in another colour
COLOURS = ("#0969da", "#8c959f", "#bc4c00", "#1a7f37", "#8250df")
STROKES = ("o-", "s--", "^:", "d-.", "x-")
INCHES = 8.0
INCHES_OF_A_BAR = 0.34

STYLE = {
    "svg.hashsalt": "personal-link",  # ids that are the same each time
    "svg.fonttype": "none",  # letters, not outlines
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.constrained_layout.use": True,
}


def draw(folder: Path) -> None:
    """Draw every chart of the folder's results."""
    for result in read(folder / "figures.json").values():
        for chart, file in zip(result.measurement.charts, chart_files(result.measurement), strict=True):
            _draw(chart, folder / file)


def _draw(chart: Bars | Lines, file: Path) -> None:
    height = 1.2 + INCHES_OF_A_BAR * len(chart.bars) if isinstance(chart, Bars) else INCHES / 2
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(INCHES, height))
        axes.set_title(chart.title)
        _draw_bars(axes, chart) if isinstance(chart, Bars) else _draw_lines(axes, chart)
        figure.savefig(file, metadata={"Date": None}, bbox_inches="tight", pad_inches=0.3)  # fonts differ in width
        plt.close(figure)


def _draw_bars(axes: Axes, chart: Bars) -> None:
    spreads = chart.bars.values()
    quartiles = [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]
    whiskers = {"ecolor": QUARTILES, "capsize": 3}
    colours = [COLOURS[not name.startswith(OURS)] for name in chart.bars]
    bars = axes.barh(list(chart.bars), [s.median for s in spreads], xerr=quartiles, color=colours, error_kw=whiskers)
    axes.bar_label(bars, [f"{s.median:.3g}" for s in spreads], padding=6)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set_xlabel(chart.unit)


def _draw_lines(axes: Axes, chart: Lines) -> None:
    for number, (name, points) in enumerate(chart.lines.items()):
        axes.plot(*zip(*points, strict=True), STROKES[number], label=name, color=COLOURS[number])
    if chart.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
