"""Metrics: lines in the embedded metric format, written once per invocation."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import direct_invocation
import http_api
import queue_worker
from personal_link import observability, wiring
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import CODES, Blocked, Code, NotProcessed, PersonalLinkError, Unanswered
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import Source
from personal_link.metrics import Metric, Metrics, metrics
from tests.embedded_metrics import Counted, counted_in, values_of
from tests.fake_clock import FakeClock
from tests.handlers.conftest import api_event
from tests.lambda_environment import Context

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def a_new_environment() -> Iterator[None]:
    """Metrics of the stack `links`, of which nothing is left afterwards."""
    metrics.cache_clear()
    metrics().stack = "links"
    yield
    metrics.cache_clear()


def an_outcome(status: str = "created", code: str = "created", *, replayed: bool = False) -> Outcome:
    return Outcome(
        id="0b0e4c9e-0000-5000-8000-000000000001",
        status=status,  # type: ignore[arg-type]
        source=Source("sqs", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
        requested_at="2027-01-15T08:00:00.000Z",
        completed_at="2027-01-15T08:00:01.000Z",
        attempts=3,
        error=None if code == "created" else {"code": code, "message": "our own words"},
        replayed=replayed,
    )


def test_a_metric_is_counted_for_the_stack_and_by_each_of_its_dimensions(capsys: Captured) -> None:
    metrics().add(Metric.OUTCOMES, Code="created", Source="http")
    metrics().add(Metric.OUTCOMES, Code="created", Source="http")
    metrics().add(Metric.VENDOR_LATENCY, 103.5, "Milliseconds")
    metrics().write()
    out = capsys.readouterr().out

    assert out.count("\n") == 2  # metrics of the same dimensions share a line
    assert sorted(counted_in(out), key=lambda one: (one.name, *one.dimensions.items())) == [
        Counted("Outcomes", {"Stack": "links"}, (1.0, 1.0)),
        Counted("Outcomes", {"Stack": "links", "Code": "created"}, (1.0, 1.0)),
        Counted("Outcomes", {"Stack": "links", "Source": "http"}, (1.0, 1.0)),
        Counted("VendorLatency", {"Stack": "links"}, (103.5,), "Milliseconds"),
    ]


def test_a_written_metric_is_not_written_again_and_the_next_line_has_all_dimensions(capsys: Captured) -> None:
    for _ in range(2):
        metrics().add(Metric.PARKED, Code="forbidden")
        metrics().write()
        metrics().write()

    assert [one.dimensions for one in counted_in(capsys.readouterr().out)] == [
        {"Stack": "links"},
        {"Stack": "links", "Code": "forbidden"},
    ] * 2


def test_more_than_a_hundred_values_are_split_over_lines_and_each_is_written_once(capsys: Captured) -> None:
    for number in range(250):
        metrics().add(Metric.ATTEMPTS, number)
    metrics().add(Metric.REPLAYS)
    metrics().write()

    written = counted_in(capsys.readouterr().out)

    assert [len(one.values) for one in written if one.name == "Attempts"] == [100, 100, 50]
    assert sorted(value for one in written if one.name == "Attempts" for value in one.values) == list(range(250))
    assert [one.values for one in written if one.name == "Replays"] == [(1.0,)]


def test_no_value_is_lost_when_many_threads_write(capsys: Captured) -> None:
    def count(number: int) -> None:
        metrics().add(Metric.TRIED_AGAIN, Code=("unavailable", "no_answer")[number % 2])
        metrics().write()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(count, range(1000)))
    finally:
        sys.setswitchinterval(before)
    metrics().write()

    out = capsys.readouterr().out
    assert len(values_of(out, "TriedAgain", Stack="links", Code="unavailable")) == 500
    assert len(values_of(out, "TriedAgain", Stack="links", Code="no_answer")) == 500


@pytest.mark.parametrize("value", ["", "joe@example.com", 'x"}\n{"forged', "Zoë", "x" * 41, "CODE"])
def test_a_dimension_value_that_is_not_a_known_word_is_withheld(value: str, capsys: Captured) -> None:
    metrics().add(Metric.PARKED, Code=value)
    metrics().write()

    assert [one.dimensions for one in counted_in(capsys.readouterr().out)] == [
        {"Stack": "links"},
        {"Stack": "links", "Code": "withheld"},
    ]


def test_no_metric_is_kept_before_the_name_of_the_stack_is_known(capsys: Captured) -> None:
    unknown = Metrics()
    unknown.add(Metric.BUGS)
    unknown.write()

    assert capsys.readouterr().out == ""


def test_a_metric_line_that_cannot_be_written_raises_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics().add(Metric.BUGS)
    with monkeypatch.context() as patch:
        with open("/dev/null", "w") as closed:  # noqa: PTH123  # as standard output is opened
            patch.setattr(sys, "stdout", closed)
        metrics().write()


def test_no_variable_of_powertools_adds_a_dimension_or_disables_the_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "somebody-else")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Elsewhere")
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    metrics.cache_clear()
    metrics().stack = "links"
    metrics().add(Metric.BUGS)
    metrics().write()

    assert counted_in(capsys.readouterr().out) == [Counted("Bugs", {"Stack": "links"}, (1.0,))]


# Metrics of each event


def told(capsys: Captured) -> set[tuple[str, str]]:
    """Return each metric that was told, with its dimension beside the stack."""
    observability.write_metrics()
    return {
        (one.name, ",".join(value for name, value in one.dimensions.items() if name != "Stack"))
        for one in counted_in(capsys.readouterr().out)
    }


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (an_outcome(), set()),
        (an_outcome(replayed=True), {("Replays", "")}),
        (an_outcome("unknown", "outcome_unknown"), {("UnknownOutcomes", "")}),
        (an_outcome("unknown", "bad_response"), {("UnknownOutcomes", "")}),
    ],
)
def test_an_outcome_is_counted_by_code_and_source_and_separately_if_replayed_or_unknown(
    outcome: Outcome, counted: set[tuple[str, str]], capsys: Captured
) -> None:
    observability.report_outcome(outcome)

    always = {("Outcomes", ""), ("Outcomes", outcome.code), ("Outcomes", "sqs"), ("Attempts", "")}
    assert told(capsys) == always | counted


@pytest.mark.parametrize("code", sorted(set(CODES)))
def test_only_a_request_with_a_setup_fault_is_also_counted_as_a_setup_fault(code: Code, capsys: Captured) -> None:
    observability.report_retry(NotProcessed(code, "our own words"), {"message_id": "m-1"}, 1, 2, 3)
    put_off = told(capsys)
    observability.report_refused(NotProcessed(code, "our own words"), "r-1", None)
    refused = told(capsys)

    apart = {("SetupFaults", "")} if code in {"credentials_missing", "credentials_refused", "forbidden"} else set()
    assert put_off == {("TriedAgain", ""), ("TriedAgain", str(code)), ("RetryAge", "")} | apart
    assert refused == {("Refused", ""), ("Refused", str(code))} | apart


def test_a_record_that_a_firewall_refuses_is_not_counted_as_a_setup_fault(capsys: Captured) -> None:
    observability.report_retry(Blocked(Code.FORBIDDEN, "HTTP 403"), {"message_id": "m-1"}, 1, 2, 3)
    observability.report_refused(Blocked(Code.FORBIDDEN, "HTTP 403"), "r-1", None)

    assert ("SetupFaults", "") not in told(capsys)


def test_an_answer_of_customergauge_is_counted_by_status_and_timed_in_milliseconds(capsys: Captured) -> None:
    observability.count_vendor_answer(429, 0.25)
    observability.count_vendor_answer(None, 10.0)
    observability.write_metrics()

    out = capsys.readouterr().out
    assert values_of(out, "VendorAnswers", Stack="links", Status="429") == [1.0]
    assert values_of(out, "VendorAnswers", Stack="links", Status="none") == [1.0]
    assert [one for one in counted_in(out) if one.name == "VendorLatency"] == [
        Counted("VendorLatency", {"Stack": "links"}, (250.0, 10_000.0), "Milliseconds")
    ]


def test_an_opening_of_the_circuit_is_counted_and_the_failures_before_it_are_not(capsys: Captured) -> None:
    breaker, deadline = CircuitBreaker(FakeClock(), 10), Deadline.after(30.0, FakeClock())
    before = []
    for number in range(8):
        before.append(told(capsys))
        with breaker.permit(f"request-{number}", deadline) as call:
            call.error = Unanswered(Code.UNAVAILABLE, "may be one record's fault")

    assert (before, told(capsys)) == ([set()] * 8, {("CircuitOpens", "")})


# At the end of an invocation


class Failing:
    """Stands in for the core of each function."""

    def serve(self, *_arguments: object) -> None:
        raise ZeroDivisionError

    work = answer = serve


@pytest.mark.parametrize(
    ("core", "handler", "event"),
    [
        ("http_api", http_api.handler, api_event({})),
        ("batch_worker", queue_worker.handler, {"Records": []}),
        ("direct_invocation", direct_invocation.handler, {}),
    ],
)
def test_metrics_are_written_at_the_end_of_an_invocation_even_if_it_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, core: str, handler: Callable[..., object], event: object
) -> None:
    monkeypatch.setattr(wiring, core, Failing)
    with suppress(PersonalLinkError):
        handler(event, Context())

    assert values_of(capsys.readouterr().out, "Bugs", Stack="links") == [1.0]
