"""A measured handler creates links on the runtime client of Lambda; a failed measurement is an error."""

import json
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import workloads
from benchmarks.environment import Environment, canned_environment
from benchmarks.goodput import Run, one_in_ten_fails, partly_failing, rate_limited
from benchmarks.growth import slope
from benchmarks.lambda_runtime import StartError, start
from benchmarks.shipped import Layout
from benchmarks.start import Subject
from personal_link.settings import load_queue_settings, load_settings
from sandbox.aws.emulator import without_aws
from sandbox.customergauge.server import Call, Reply

if TYPE_CHECKING:
    from benchmarks.invocations import Function

# Cold starts

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="AWS's emulator of the runtime runs on Linux")
VARIABLES = without_aws() | {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


def layout_with(folder: Path, handler: str, code: str) -> Layout:
    layout = Layout(folder)
    layout.task(handler).mkdir(parents=True)
    (layout.task(handler) / "entry.py").write_text(code)
    layout.layers.mkdir(parents=True)
    return layout


@on_linux
def test_a_cold_start_measures_the_import_of_the_handler_as_init_and_its_call_as_invocation(
    tmp_path: Path,
) -> None:
    code = "import sys, time; time.sleep(0.4)\ndef handler(event, context): time.sleep(0.2); return [event, sys.path]"
    layout = layout_with(tmp_path, "http_api", code)

    started = start(layout, "http_api", VARIABLES, {"a": 1})

    assert started.answer[0] == {"a": 1}
    assert str(layout.layers) in started.answer[1]
    assert started.init > 400  # what it sleeps at least
    assert started.invocation > 200


@on_linux
@pytest.mark.parametrize("code", ["def handler(event, context): raise KeyError('a')", "import nothing_of_this_name"])
def test_a_handler_that_fails_is_not_measured(tmp_path: Path, code: str) -> None:
    with pytest.raises(StartError, match=r"KeyError|nothing_of_this_name"):
        start(layout_with(tmp_path, "broken", code), "broken", VARIABLES, {})


@on_linux
def test_a_cold_start_whose_request_got_no_link_is_not_measured(tmp_path: Path) -> None:
    layout = layout_with(tmp_path, "refusing", "def handler(event, context): return {'statusCode': 503}")

    with pytest.raises(RuntimeError, match="refusing did not do its work"):
        Subject("refusing", "refusing", layout, dict).started(VARIABLES)


# Handlers


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with canned_environment() as canned:
        yield canned


def test_a_measured_function_gets_the_variables_of_the_template_with_the_chosen_parameters(
    environment: Environment,
) -> None:
    settings = load_queue_settings(environment.variables("queue_worker", BatchConcurrency="1"))

    assert settings.connector == load_settings(environment.variables("http_api"))
    assert settings.connector.imports_base_url == environment.vendor.base_url
    assert (settings.retry_window_hours, settings.batch_concurrency) == (24, 1)


def test_a_handler_that_creates_no_link_ends_the_measurement_with_an_error(
    environment: Environment, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="take_turns failed in http_api"):
        environment.run("http_api", workloads.take_turns, "http_api", 1, DefaultConfiguration="no-such-mapping")
    assert "the handler did not do its work" in capfd.readouterr().err


def test_a_measurement_includes_the_latency_of_customergauge_and_fails_without_the_expected_survey_records() -> None:
    with canned_environment() as environment:
        environment.vendor.latency = 0.1
        ((single,), (double,)) = environment.run(
            "queue_worker", workloads.work_batches, [1, 2], 1, BatchConcurrency="1"
        )
        environment.vendor.expect_records(5)
        with pytest.raises(RuntimeError, match="5 survey records, 4 were expected"):
            environment.vendor.expect_records(4)

    assert single >= 100
    assert double >= 200


@pytest.mark.parametrize("function", ["queue_worker", "http_api"])
def test_the_handwritten_floor_and_the_handler_make_the_same_calls(function: "Function") -> None:
    with canned_environment() as environment:
        aws = environment.run(function, workloads.last_calls, function)
        by_hand, handler = environment.vendor.calls("personal-link")[-2:]

    assert [name for name, _size in aws] == ["PutItem", "UpdateItem", "SendMessageBatch"] * 2
    sizes = [size for _name, size in aws]
    assert sizes[:3] == pytest.approx(sizes[3:], rel=0.03)
    assert (by_hand.method, by_hand.path) == (handler.method, handler.path) == ("PUT", "/personal-link/")
    assert {name.lower() for name in by_hand.headers} == {name.lower() for name in handler.headers}
    assert json.loads(by_hand.body).keys() == json.loads(handler.body).keys() == {"configuration", "record"}
    assert len(by_hand.body) == pytest.approx(len(handler.body), abs=4)


# Goodput


def call(number: int, path: str = "/personal-link/") -> Call:
    body = json.dumps({"record": {"Order": f"run-{number:05}"}}).encode()
    return Call("PUT", path, Message(), body, connection=1)


def test_partly_failing_fails_the_given_share_of_calls_half_by_503_half_by_reset_and_repeatably() -> None:
    first, again = (list(map(partly_failing(0.2, seed=1), map(call, range(4000)))) for _time in range(2))

    assert first == again
    assert first.count(Reply.error(503)) == pytest.approx(400, rel=0.2)
    assert first.count(Reply(fault="reset")) == pytest.approx(400, rel=0.2)


def test_rate_limited_answers_429_one_in_ten_fails_every_tenth_call_and_token_calls_never_fail() -> None:
    assert rate_limited(1.0, seed=1)(call(1)) == Reply.error(429, retry_after=1)
    assert [number for number in range(40) if one_in_ten_fails(call(number))] == [0, 10, 20, 30]
    assert partly_failing(1.0, seed=1)(call(1, path="/oauth2/token")) is None


# Curves


def test_a_slope_is_measured_in_logarithms_and_a_run_by_the_result_that_completes_the_share() -> None:
    assert slope({1_000: 8.0, 10_000: 800.0}, 1_000, 10_000) == pytest.approx(2.0)  # 100 times the time for 10 times
    run = Run([float(second) for second in range(1, 201)], calls=200)
    assert (run.done(0.9), run.done(1.0)) == (180.0, 200.0)
