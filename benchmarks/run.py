"""`make bench`: measures all there is, or only some of it, and writes what it found to docs/benchmarks."""

import argparse
import datetime as dt
import os
import platform
import re
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import results
from benchmarks.page import page
from benchmarks.printing import show
from benchmarks.results import Conditions, Result
from benchmarks.shipped import RUNTIME
from sandbox.emulator import REPOSITORY, without_aws
from sandbox.lock import locked

FOLDER = REPOSITORY / "docs" / "benchmarks"
MEASUREMENTS = (
    "start",
    "imports",
    "layers",
    "warm",
    "batches",
    "connections",
    "tokens",
    "memory",
    "growth",
    "cost",
)
PACKAGES = ("boto3", "urllib3", "requests", "aws-lambda-powertools", "awslambdaric")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show and write; 1 if something could not be measured. A goal that is not reached is no failure."""
    parser = argparse.ArgumentParser("make bench", description="How fast and how cheap it is.")
    parser.add_argument("--only", metavar="NAMES", help=f"some of {', '.join(MEASUREMENTS)}, with commas between them")
    only = parser.parse_args(arguments).only
    names = only.split(",") if only else MEASUREMENTS
    if unknown := set(names).difference(MEASUREMENTS):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    failed = [name for name in names if not measured(name, FOLDER)]
    draw(FOLDER)
    print("All of it is in docs/benchmarks, to be read in its README.md.")
    if failed:
        print(f"Could not be measured: {', '.join(failed)}; the reasons are above.", file=sys.stderr)
    return 1 if failed else 0


def measured(name: str, folder: Path) -> bool:
    """Measure one thing, show it, and keep it beside what was measured before; return whether that went well."""
    try:
        measurement = import_module(f"benchmarks.{name}").measure()
    except Exception:  # noqa: BLE001 - whatever it is, the others can still be measured
        traceback.print_exc()
        return False
    show(measurement)
    keep(Result(measurement, conditions()), folder)
    return True


def keep(result: Result, folder: Path) -> None:
    """Put a result into the folder's file and its page; the other results stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "figures.json"
    kept = results.read(file) | {result.measurement.name: result}
    results.write(file, {name: kept[name] for name in MEASUREMENTS if name in kept})
    (folder / "README.md").write_text(page(results.read(file)))


def draw(folder: Path) -> None:
    """Draw the charts of what the folder's file holds."""
    settings = RUNTIME.parents[1] / "matplotlib"  # not the user's
    environment = without_aws() | {"PYTHONPATH": str(REPOSITORY), "MPLCONFIGDIR": str(settings)}
    subprocess.run([RUNTIME, "-m", "benchmarks.charts", folder], env=environment, check=True)


def conditions() -> Conditions:
    """Return what is measured with, here and now; nothing in it tells whose machine it is."""
    lock = locked((REPOSITORY / "requirements-bench.txt").read_text())
    versions = {package.name: package.version for package in lock}
    return Conditions(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        python=platform.python_version(),
        processor=f"{os.cpu_count()} x {processor()}",
        packages={name: versions[name] for name in PACKAGES},
    )


def processor() -> str:
    """Return the processor's model."""
    described = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", described.read_text(), re.MULTILINE) if described.exists() else None
    return found[1] if found else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
