"""What it takes to import what the functions import, and what they do without, each in a fresh interpreter.

`python -m benchmarks.imports --modules http_api` lists a handler's modules, the slowest by their own time first.
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.figures import Bars, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.shipped import FUNCTIONS, RUNTIME, Layout, lay_out
from sandbox.emulator import REGION, without_aws

ROUNDS = 21
SHOWN = 15

AWS = "import botocore.config, botocore.session"
LOGGER = "from aws_lambda_powertools import Logger"
CLIENTS = (
    "session = botocore.session.Session()\n"
    "for name in ('secretsmanager', 'dynamodb', 'sqs'): session.create_client(name)"
)

# What to do, and what was done before the clock starts.
OURS: dict[str, tuple[str, str]] = {
    "http.client and ssl": ("import http.client, ssl", ""),
    "urllib3": ("import urllib3", ""),
    "botocore": (AWS, ""),
    "the three clients, after botocore": (CLIENTS, AWS),
    "Powertools Logger, after botocore": (LOGGER, AWS),
    "personal_link, after all of these": (
        "import http_api, queue_worker",
        f"import urllib3, snapshot_restore_py\n{AWS}\n{LOGGER}",
    ),
    **{f"{name}, all of it": (f"import {name}", "") for name in FUNCTIONS},
}
LEFT_OUT: dict[str, tuple[str, str]] = {
    "boto3, after botocore": ("import boto3", AWS),
    "requests, after botocore": ("import requests", AWS),
    "requests alone": ("import requests", ""),
    "pydantic alone": ("import pydantic", ""),
    "X-Ray SDK, after botocore": ("import aws_xray_sdk.core", AWS),
    "Powertools batch, idempotency, parameters": (
        "from aws_lambda_powertools.utilities import batch, idempotency, parameters",
        f"{AWS}\n{LOGGER}",
    ),
}

_TIMED = """\
import time
{before}
started = time.perf_counter()
{what}
print((time.perf_counter() - started) * 1000)
"""
_IMPORT_TIME = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def measure() -> Measurement:
    """Import each once a round, in turns."""
    imports = OURS | LEFT_OUT
    samples: dict[str, list[float]] = {name: [] for name in imports}
    with tempfile.TemporaryDirectory() as folder:
        layout = lay_out(Path(folder))
        for _ in range(ROUNDS):
            for name, (what, before) in imports.items():
                samples[name].append(milliseconds(layout, what, before))
    spreads = {name: Spread.of(of_name) for name, of_name in samples.items()}
    left_out = {f"left out: {name}" if name in LEFT_OUT else name: spread for name, spread in spreads.items()}
    return Measurement(
        name="imports",
        title="What an import takes",
        rows=[Row(name, "ms", spread) for name, spread in left_out.items()],
        charts=[Bars("Imports", "ms", left_out)],
        notes=["Each in a fresh interpreter with bytecode there; `after` something: it was imported before."],
    )


def milliseconds(layout: Layout, what: str, before: str = "") -> float:
    """Return how long a fresh interpreter takes for some imports, others done before."""
    return float(_run(layout, "-c", _TIMED.format(what=what, before=before)).stdout)


def own_times(layout: Layout, handler: str) -> dict[str, float]:
    """Return the median of each module's own milliseconds when a handler is imported, the slowest first."""
    samples: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for own, name in _IMPORT_TIME.findall(_run(layout, "-X", "importtime", "-c", f"import {handler}").stderr):
            samples[name].append(int(own) / 1000)
    medians = {name: statistics.median(of_name) for name, of_name in samples.items()}
    return dict(sorted(medians.items(), key=lambda one: -one[1]))


def _run(layout: Layout, *arguments: str) -> subprocess.CompletedProcess[str]:
    folders = os.pathsep.join([*(str(layout.task(name)) for name in FUNCTIONS), str(layout.layers)])
    environment = without_aws() | {"PYTHONPATH": folders, "AWS_DEFAULT_REGION": REGION}
    return subprocess.run([RUNTIME, *arguments], env=environment, capture_output=True, text=True, check=True)


def main() -> None:
    """Measure, or list a handler's modules."""
    parser = argparse.ArgumentParser("python -m benchmarks.imports", description="What imports take.")
    parser.add_argument("--modules", choices=FUNCTIONS, metavar="HANDLER", help="list the modules of a handler")
    handler = parser.parse_args().modules
    if not handler:
        show(measure())
        return
    with tempfile.TemporaryDirectory() as folder:
        times = own_times(lay_out(Path(folder)), handler)
    print(f"{len(times)} modules, {sum(times.values()):.0f} ms")
    for name, own in list(times.items())[:SHOWN]:
        print(f"{own:8.1f} ms  {name}")


if __name__ == "__main__":
    main()
