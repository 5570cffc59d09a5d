"""How much the layers weigh, unpacked: Lambda fetches and mounts them before it starts a function."""

import tempfile
from collections.abc import Sequence
from importlib.metadata import PathDistribution
from pathlib import Path

from benchmarks.figures import Bars, Figure, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.shipped import Layout
from sandbox.lock import layer_packages

LIMIT = 5.0
MEGABYTE = 1_000_000.0


def measure() -> Measurement:
    """Weigh both layers, as `sam build` fills them, and each package."""
    with tempfile.TemporaryDirectory() as folder:
        dependencies, ours = Layout(Path(folder, "dependencies")), Layout(Path(folder, "personal_link"))
        dependencies.add_dependencies()
        ours.add_personal_link()
        layers = {"DependenciesLayer": weight(dependencies.layers), "PersonalLinkLayer": weight(ours.layers)}
        packages = {package.name: weight_of_package(dependencies.layers, package.name) for package in layer_packages()}
        ours.compile()
        dependencies.compile()
        compiled = weight(dependencies.layers) + weight(ours.layers)
    rows = {
        "both layers": sum(layers.values()),
        **layers,
        **packages,
        "both layers, were their bytecode in them": compiled,
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
                {
                    name: Spread.exactly(megabytes)
                    for name, megabytes in {**packages, "personal_link": layers["PersonalLinkLayer"]}.items()
                },
            )
        ],
        notes=["A million bytes are a megabyte; what a file takes on a disk beyond its bytes is not counted."],
    )


def weight(folder: Path) -> float:
    """Return the megabytes of all files of a folder."""
    return _of_files([path for path in folder.rglob("*") if path.is_file()])


def weight_of_package(folder: Path, name: str) -> float:
    """Return the megabytes of a package's files."""
    (distribution,) = PathDistribution.discover(path=[str(folder)], name=name)
    return _of_files([Path(str(distribution.locate_file(file))) for file in distribution.files or []])


def _of_files(paths: Sequence[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / MEGABYTE


if __name__ == "__main__":
    show(measure())
