"""Every request is at one place, whatever ids it is known by: sent = results + waiting + parked + HTTP errors."""

from sandbox.console.journal import Journal, Request
from sandbox.console.page_state import page_state
from sandbox.console.queues import Queues
from tests.console.still_console import queued, refusal, result

NOW = 1_000_000.0


def counts(journal: Journal, now: float = NOW) -> dict[str, int]:
    """Return what there is of each, what there is none of left out."""
    shown = page_state(journal, lambda _message_id: "", now)["counts"]
    assert isinstance(shown, dict)
    return {name: number for name, number in shown.items() if number}


def send(journal: Journal, *ids: str, way: str = "sqs", reference: str | None = "order-1") -> Request:
    return journal.sent(way, "Request", NOW, reference, *ids)


def test_a_message_waits_and_then_is_a_result() -> None:
    journal = Journal()
    send(journal, "m1")

    journal.observe(Queues(requests=[queued("m1", {})]), NOW)
    assert counts(journal) == {"sent": 1, "waiting": 1}

    journal.observe(Queues(results=[result("r1", "m1")]), NOW)
    assert counts(journal) == {"sent": 1, "results": 1}


def test_a_result_that_a_consumer_has_taken_is_still_counted() -> None:
    journal = Journal()
    send(journal, "m1")
    journal.observe(Queues(results=[result("r1", "m1")]), NOW)

    journal.observe(Queues(), NOW + 60)

    assert counts(journal, NOW + 60) == {"sent": 1, "results": 1}


def test_an_event_is_the_message_that_it_arrives_as() -> None:
    journal = Journal()
    send(journal, "event-1", way="eventbridge")
    event = {"id": "event-1", "detail-type": "Personal Link Requested", "detail": {}}

    journal.observe(Queues(requests=[queued("m1", event)]), NOW)
    assert counts(journal) == {"sent": 1, "waiting": 1}

    journal.observe(Queues(results=[result("r1", "event-1", way="eventbridge")]), NOW)
    assert counts(journal) == {"sent": 1, "results": 1}


def test_a_message_that_somebody_else_sent_is_counted_too() -> None:
    journal = Journal()

    journal.observe(Queues(requests=[queued("m1", {"reference": "order-7"})], results=[result("r1", "m2")]), NOW)

    assert counts(journal) == {"sent": 2, "waiting": 1, "results": 1}
    assert journal.requests[0].reference == "order-7"


def test_a_message_seen_before_it_is_noted_is_one_request() -> None:
    journal = Journal()
    journal.observe(Queues(requests=[queued("m1", {})]), NOW)

    send(journal, "m1")

    assert counts(journal) == {"sent": 1, "waiting": 1}


def test_a_parked_message_that_is_redriven_is_the_same_request() -> None:
    journal = Journal()
    send(journal, "m1")
    journal.observe(Queues(parked=[queued("m2", "", attributes={"original_message_id": "m1"})]), NOW)
    assert counts(journal) == {"sent": 1, "parked": 1}

    journal.observe(Queues(requests=[queued("m3", "", attributes={"original_message_id": "m1"})]), NOW)

    assert counts(journal) == {"sent": 1, "waiting": 1}


def test_a_repetition_is_the_end_of_the_message_that_repeats() -> None:
    journal = Journal()
    send(journal, "m1")
    journal.observe(Queues(results=[result("r1", "m1", reference="order-1")]), NOW)
    send(journal, "m2")

    repeated = result("r2", "m1", reference="order-1", replayed=True)
    journal.observe(Queues(results=[result("r1", "m1", reference="order-1"), repeated]), NOW)

    assert counts(journal) == {"sent": 2, "results": 2}


def test_a_link_over_http_is_under_way_until_its_result_is_seen() -> None:
    journal = Journal()
    call = send(journal, way="http")
    journal.answered(call, 200, "", "http://127.0.0.1/r/r1-0123456789abcdef0123456789abcdef0123456789")
    journal.observe(Queues(), NOW)
    assert counts(journal) == {"sent": 1, "underway": 1}

    journal.observe(Queues(results=[result("r1", "gateway-1", way="http")]), NOW)

    assert counts(journal) == {"sent": 1, "results": 1}


def test_a_refusal_over_http_is_the_result_of_its_call() -> None:
    journal = Journal()
    call = send(journal, way="http")
    journal.observe(Queues(results=[refusal("r1", "gateway-1", "validation_failed", way="http")]), NOW)
    assert counts(journal) == {"sent": 1, "underway": 1}

    journal.answered(call, 422, "validation_failed", None)
    journal.observe(Queues(results=[refusal("r1", "gateway-1", "validation_failed", way="http")]), NOW)

    assert counts(journal) == {"sent": 1, "results": 1}


def test_an_http_call_that_may_be_tried_again_has_ended_with_its_answer() -> None:
    journal = Journal()
    journal.answered(send(journal, way="http"), 503, "unavailable", None)

    journal.observe(Queues(), NOW)

    assert counts(journal) == {"sent": 1, "answered": 1}


def test_a_message_that_is_nowhere_is_missing_after_half_a_minute() -> None:
    journal = Journal()
    send(journal, "m1")
    journal.observe(Queues(requests=[queued("m1", {})]), NOW + 600)
    journal.observe(Queues(), NOW + 601)

    assert counts(journal, NOW + 630) == {"sent": 1, "underway": 1}
    assert counts(journal, NOW + 631) == {"sent": 1, "missing": 1}


def test_forgotten_is_what_has_ended_and_nothing_else() -> None:
    journal = Journal()
    for name in ("m1", "m2", "m3"):
        send(journal, name)
    queues = Queues([queued("m1", {})], [result("r2", "m2")], [queued("m3", "")])
    journal.observe(queues, NOW)

    journal.forget_ended()
    journal.observe(Queues([queued("m1", {})]), NOW)

    assert counts(journal) == {"sent": 1, "waiting": 1}
