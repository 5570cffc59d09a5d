"""What CloudWatch reads out of a log: lines in its embedded metric format, by that format's own specification.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

UNITS: Final = {"Count", "Milliseconds", "Seconds"}  # of those that CloudWatch has
FIRST_MOMENT: Final = 1_700_000_000_000  # in milliseconds: any time that is not one in seconds


@dataclass(frozen=True)
class Counted:
    """A metric with its values, as one combination of dimensions gets them."""

    name: str
    dimensions: Mapping[str, str]
    values: tuple[float, ...]
    unit: str = "Count"
    namespace: str = "PersonalLink"


def log_lines(output: str) -> list[str]:
    """Return the lines that are no metrics."""
    return [line for line in output.splitlines() if '"_aws"' not in line]


def counted_in(output: str) -> list[Counted]:
    """Return every metric of a log, once for each combination of dimensions. Fails on a line not by the book."""
    return [one for line in output.splitlines() if '"_aws"' in line for one in _counted(json.loads(line))]


def values_of(output: str, name: str, **dimensions: str) -> list[float]:
    """Return all values of a metric with exactly these dimensions."""
    return [
        value for one in counted_in(output) if (one.name, one.dimensions) == (name, dimensions) for value in one.values
    ]


def _counted(line: Mapping[str, Any]) -> Iterator[Counted]:
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert line["_aws"]["Timestamp"] > FIRST_MOMENT
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert all(set(metric) == {"Name", "Unit"} for metric in directive["Metrics"])
        for names in directive["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            assert all(isinstance(value, str) and 0 < len(value) <= 1024 for value in dimensions.values())
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                assert metric["Unit"] in UNITS
                assert 0 < len(values) <= 100
                assert all(isinstance(value, float) for value in values)
                yield Counted(metric["Name"], dimensions, tuple(values), metric["Unit"], directive["Namespace"])
