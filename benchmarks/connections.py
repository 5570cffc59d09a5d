"""How many connections a thousand warm requests need, one after the other, through one environment."""

from collections.abc import Sequence

from benchmarks import measured
from benchmarks.figures import Figure, Measurement, Row, Spread
from benchmarks.invocations import Function
from benchmarks.printing import show
from benchmarks.stage import set_stage

FUNCTIONS: Sequence[Function] = ("queue_worker", "http_api")
REQUESTS = 1000


def measure() -> Measurement:
    """Count what the vendor's two origins and AWS saw; a stage of its own for each function."""
    rows: list[Row] = []
    figures: list[Figure] = []
    for function in FUNCTIONS:
        with set_stage() as stage:
            stage.run(function, measured.work_one_by_one, function, REQUESTS)
            stage.vendor.expect_records(REQUESTS)
            api, auth, aws = stage.vendor.links(), stage.vendor.tokens(), stage.aws.count()
        counted = {
            "to the vendor's API": api.connections,
            "to the vendor's token server": auth.connections,
            **{f"to AWS, {service}": connections for service, connections in sorted(aws.connections.items())},
        }
        rows += [
            Row(f"{function}, connections {where}", "", Spread.exactly(connections))
            for where, connections in counted.items()
        ]
        rows.append(Row(f"{function}, AWS calls a request", "", Spread.exactly(len(aws.calls) / REQUESTS)))
        figures.append(Figure(f"vendor connections for 1,000 warm requests, {function}", 1, api.connections))
    return Measurement(
        name="connections",
        title="Connections for 1,000 warm requests, one after the other",
        rows=rows,
        figures=figures,
        notes=["The token server is another origin than the API, so it has a connection of its own."],
    )


if __name__ == "__main__":
    show(measure())
