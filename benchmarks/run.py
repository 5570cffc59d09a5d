"""`make bench`: measure everything, or some of it with `--only`, and write docs/benchmarks."""

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

from benchmarks import figures
from benchmarks.figures import Result, Row
from benchmarks.page import page
from benchmarks.shipped import RUNTIME
from sandbox import REPOSITORY
from sandbox.aws.emulator import without_aws

FOLDER = REPOSITORY / "docs" / "benchmarks"
MEASUREMENTS = ("start", "warm", "batches", "goodput", "tokens", "memory", "growth")
PACKAGES = ("boto3", "urllib3", "requests", "aws-lambda-powertools", "awslambdaric")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show and write; return 1 if a measurement failed. A goal that is not reached is no failure."""
    parser = argparse.ArgumentParser("make bench", description="Measure speed, goodput and cost.")
    parser.add_argument("--only", metavar="NAMES", help=f"some of {', '.join(MEASUREMENTS)}, with commas between them")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from figures.json")
    chosen = parser.parse_args(arguments)
    names = [] if chosen.page else chosen.only.split(",") if chosen.only else MEASUREMENTS
    if unknown := set(names).difference(MEASUREMENTS):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    failed = [name for name in names if not measured(name, FOLDER)]
    write(FOLDER)
    print("The results are in docs/benchmarks/README.md.")
    if failed:
        print(f"Could not be measured: {', '.join(failed)}; the reasons are above.", file=sys.stderr)
    return 1 if failed else 0


def measured(name: str, folder: Path) -> bool:
    """Measure one thing, show it, and keep it beside the other results; return whether it could be measured."""
    measurement = import_module(f"benchmarks.{name}")
    print(measurement.TITLE, flush=True)
    try:
        rows = measurement.measure()
    except Exception:  # noqa: BLE001 - the others can still be measured
        traceback.print_exc()
        return False
    for row in rows:
        print(f"  {shown(row)}")
    folder.mkdir(parents=True, exist_ok=True)
    kept = figures.read(folder / "figures.json") | {name: Result(conditions(), rows)}
    figures.write(folder / "figures.json", {name: kept[name] for name in MEASUREMENTS if name in kept})
    return True


def shown(row: Row) -> str:
    """Return a row as a line of text."""
    quartiles = f"({row.low:g} to {row.high:g}, {row.samples})" if row.samples > 1 else ""
    verdict = "" if row.goal is None else f"at most {row.goal:g}: {'reached' if row.is_reached else 'NOT reached'}"
    return f"{row.what:<66} {row.median:>9g} {row.unit:<3} {verdict} {quartiles}".rstrip()


def write(folder: Path) -> None:
    """Write the page and the charts of the results in the folder."""
    (folder / "README.md").write_text(page(figures.read(folder / "figures.json")))
    settings = RUNTIME.parents[1] / "matplotlib"  # not the user's
    environment = without_aws() | {"PYTHONPATH": str(REPOSITORY), "MPLCONFIGDIR": str(settings)}
    subprocess.run([RUNTIME, "-m", "benchmarks.charts", folder], env=environment, check=True)


def conditions() -> str:
    """Return the date, versions and processor; nothing in it tells whose machine it is."""
    pins = dict(re.findall(r"^([\w-]+)==([^ ;]+)", (REPOSITORY / "requirements-bench.txt").read_text(), re.MULTILINE))
    packages = ", ".join(f"{name} {pins[name]}" for name in PACKAGES)
    date, python = dt.datetime.now(dt.UTC).date(), platform.python_version()
    return f"on {date} with Python {python}, {packages}; {os.cpu_count()} x {processor()}"


def processor() -> str:
    """Return the processor's model."""
    described = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", described.read_text(), re.MULTILINE) if described.exists() else None
    return found[1] if found else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
