"""How much the layers weigh, unpacked: Lambda fetches and mounts them before it starts a function."""

import tempfile
from pathlib import Path

from benchmarks.figures import Bars, Figure, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.shipped import Layout

LIMIT = 5.0
MEGABYTE = 1_000_000.0
NOTABLE = 0.01  # of them


def measure() -> Measurement:
    """Weigh both layers, as `sam build` fills them, and each package."""
    with tempfile.TemporaryDirectory() as folder:
        dependencies, ours = Layout(Path(folder, "dependencies")), Layout(Path(folder, "personal_link"))
        dependencies.add_layer("DependenciesLayer")
        ours.add_layer("PersonalLinkLayer")
        layers = {"DependenciesLayer": weight(dependencies.layers), "PersonalLinkLayer": weight(ours.layers)}
        parts = {part.name: weight(part) for layout in (dependencies, ours) for part in layout.layers.iterdir()}
        dependencies.drop_bytecode()
        ours.drop_bytecode()
        sources = weight(dependencies.layers) + weight(ours.layers)
    packages = {name: megabytes for name, megabytes in sorted(parts.items()) if megabytes > NOTABLE}
    rows = {
        "both layers": sum(layers.values()),
        **layers,
        **packages,
        "both layers, had they no bytecode": sources,
    }
    return Measurement(
        name="layers",
        title="The layers, unpacked",
        rows=[Row(what, "MB", Spread.exactly(megabytes)) for what, megabytes in rows.items()],
        figures=[Figure("layers unpacked", LIMIT, rows["both layers"], "MB")],
        charts=[
            Bars(
                "The layers, unpacked",
                "MB",
                {name: Spread.exactly(megabytes) for name, megabytes in packages.items()},
            )
        ],
        notes=[
            "`aws_lambda_powertools/event_handler`, which nothing here imports, is left out.",
            "A million bytes are a megabyte; what a file takes on a disk beyond its bytes is not counted.",
        ],
    )


def weight(part: Path) -> float:
    """Return the megabytes of a file, or of all files of a folder."""
    files = [path for path in [part, *part.rglob("*")] if path.is_file()]
    return sum(path.stat().st_size for path in files) / MEGABYTE


if __name__ == "__main__":
    show(measure())
