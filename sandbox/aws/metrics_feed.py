"""Feed the metrics in the functions' logs to the emulator's CloudWatch, which does not read them itself."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stack import Stack

EVERY: Final = 2.0  # seconds


class MetricsFeed:
    """Feed each logged metric once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._cloudwatch = stack.emulator.client("cloudwatch")
        self._seen: Counter[str] = Counter()

    def follow(self) -> None:
        """Read the lines since the last time."""
        lines = Counter(line for line in self._stack.function_logs().splitlines() if '"_aws"' in line)
        new, self._seen = lines - self._seen, lines
        for line in new.elements():
            self._put(json.loads(line))

    def _put(self, line: dict[str, Any]) -> None:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            data = [
                {
                    "MetricName": metric["Name"],
                    "Dimensions": [{"Name": name, "Value": line[name]} for name in names],
                    "Values": line[metric["Name"]],
                    "Unit": metric["Unit"],
                }
                for names in directive["Dimensions"]
                for metric in directive["Metrics"]
            ]
            self._cloudwatch.put_metric_data(Namespace=directive["Namespace"], MetricData=data)


@contextmanager
def feeding_metrics(stack: Stack) -> Iterator[None]:
    """Feed metrics during a `with` block."""
    feed, ended = MetricsFeed(stack), threading.Event()

    def run() -> None:
        while not ended.wait(EVERY):
            with suppress(ClientError, BotoCoreError):  # no log yet, or the emulator is busy
                feed.follow()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
