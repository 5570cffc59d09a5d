"""Draws the chart of the starts and the chart of goodput: `python -m benchmarks.charts FOLDER`, by .bench's Python.

The same figures.json gives the same charts, byte for byte. The background is white: a page may be dark.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.figures import Row, read

OURS, OTHERS = "#0969da", "#8c959f"
STYLE = {
    "svg.hashsalt": "personal-link",  # ids that are the same each time
    "svg.fonttype": "none",  # letters, not outlines
    "font.family": "sans-serif",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}
NOBODY = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # no metadata


def draw(folder: Path) -> None:
    """Draw the charts of the results that are there."""
    for name, result in read(folder / "figures.json").items():
        if name in CHARTS:
            with plt.rc_context(STYLE):
                figure, axes = plt.subplots(figsize=(8, 3.6))
                CHARTS[name](axes, result.rows)
                file = folder / f"{name}.svg"
                figure.savefig(file, metadata=NOBODY, bbox_inches="tight", pad_inches=0.3)
                plt.close(figure)
                file.write_text(compact(file.read_text()))


def compact(svg: str) -> str:
    """Return a chart on one line: blanks and line breaks between its parts mean nothing."""
    drawing = svg[svg.index("<svg") :].strip()
    return re.sub(r"\s+", " ", drawing).replace("> <", "><") + "\n"


def start_chart(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the init phase of each handler, with its quartiles."""
    bars = {row.what.removeprefix("init, "): row for row in rows if row.what.startswith("init, ") and row.unit}
    quartiles = [[row.median - row.low for row in bars.values()], [row.high - row.median for row in bars.values()]]
    colours = [OURS if name.startswith(("http_api", "queue_worker")) else OTHERS for name in bars]
    drawn = axes.barh(list(bars), [row.median for row in bars.values()], xerr=quartiles, color=colours, capsize=3)
    axes.bar_label(drawn, [f"{row.median:.0f}" for row in bars.values()], padding=6)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title("Init phase of a cold start")
    axes.set_xlabel("ms")


def goodput_chart(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the time of 200 messages beside the healthy time, by the rate of failures, with its goals."""
    pattern = re.compile(r"200 messages, (\d+)% of the calls fail: (95 %|all) / healthy")
    found = [(int(match[1]), match[2], row) for row in rows if (match := pattern.fullmatch(row.what))]
    for name, colour, stroke in (("95 %", OURS, "o-"), ("all", OTHERS, "s-")):
        points = [(rate, row.median, row.goal or 0.0) for rate, share, row in found if share == name]
        rates, medians, goals = zip((0, 1.0, 1.0), *points, strict=True)
        axes.plot(rates, medians, stroke, color=colour, label=f"{name} have their result")
        axes.plot(rates[1:], goals[1:], "_", color=colour, markersize=14, label=f"goal, {name}")
    axes.set_title("Time of 200 messages, CustomerGauge failing in part")
    axes.set_xlabel("% of the calls that fail")
    axes.set_ylabel("times the healthy time")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


CHARTS = {"start": start_chart, "goodput": goodput_chart}

if __name__ == "__main__":
    draw(Path(sys.argv[1]))
