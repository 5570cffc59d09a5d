"""Follow the log: each line once, in order, without an end of its own and without a traceback at Ctrl-C."""

import json
from collections.abc import Iterator

import pytest

from tests.operate.stage import NAME, Stage

DIGEST = "5e" * 32


def lines(output: str, *names: str) -> list[tuple[str | int | None, ...]]:
    return [tuple(json.loads(line)[name] for name in names) for line in output.splitlines()]


def test_each_end_of_a_request_is_a_line_in_the_order_of_the_time(stage: Stage) -> None:
    stage.log("outcome", 8, status="created", code="created", source_type="sqs", key_digest=DIGEST)
    stage.log("no outcome", 7, "http-api", code="rate_limited")
    stage.log_retry("m-1", seconds_ago=6, wait=12)
    stage.log("token not shared", 5, code="internal_error")
    stage.log("parked", 4, code="forbidden")

    told = stage.run("tail", NAME, "--no-follow", "--json")

    assert told.exit_code == 0
    assert lines(told.output, "what", "code", "source", "wait_seconds", "key_digest") == [
        ("created", "created", "sqs", None, DIGEST),
        ("no outcome", "rate_limited", "http-api", None, None),
        ("retry scheduled", "unavailable", "queue-worker", 12, None),
        ("parked", "forbidden", "queue-worker", None, None),
    ]


def test_older_lines_than_asked_for_are_left_out(stage: Stage) -> None:
    stage.log("parked", 90, code="forbidden")

    assert stage.run("tail", NAME, "--no-follow").output == ""
    told = stage.run("tail", NAME, "--no-follow", "--since", "2m").output
    assert told[21:] == "parked      forbidden                                   queue-worker\n"


def test_it_follows_until_ctrl_c_and_says_each_line_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.log("parked", 3, code="forbidden")

    def later() -> Iterator[None]:
        stage.log("parked", 1, code="unavailable")
        yield
        yield
        raise KeyboardInterrupt

    turns = later()
    monkeypatch.setattr("time.sleep", lambda _seconds: next(turns))

    told = stage.run("tail", NAME, "--json")

    assert told.exit_code == 0
    assert lines(told.output, "what", "code") == [("parked", "forbidden"), ("parked", "unavailable")]


def test_a_log_level_that_hides_outcomes_is_told(stage: Stage) -> None:
    stage.parameter("LogLevel", "WARNING")

    assert stage.run("tail", NAME, "--no-follow").output == "LogLevel is WARNING: outcomes are not logged.\n"
