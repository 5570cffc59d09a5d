"""By which key a request is known, and what a log could show of it."""

from collections.abc import Mapping

import pytest

from personal_link.domain.errors import Code
from personal_link.domain.request import IdempotencyKey, check
from tests.domain.requests import MESSAGE_KEY, delivered, refusal_of

EVENT_KEY = IdempotencyKey("event", "event-1")


# --- by which key it is known -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("deliverys_own", [MESSAGE_KEY, EVENT_KEY, None])
def test_the_callers_key_goes_before_the_deliverys_own(deliverys_own: IdempotencyKey | None) -> None:
    request = check(delivered({"record": {"A": 1}, "idempotency_key": "order-7"}, deliverys_own))

    assert request.key == IdempotencyKey("caller", "order-7")


@pytest.mark.parametrize("deliverys_own", [MESSAGE_KEY, EVENT_KEY])
def test_without_a_callers_key_the_deliverys_own_counts(deliverys_own: IdempotencyKey) -> None:
    request = check(delivered({"record": {"A": 1}}, deliverys_own))

    assert request.key == deliverys_own


def test_with_no_key_at_all_the_content_is_the_key() -> None:
    one = check(delivered({"record": {"A": 1, "B": 2}}, key=None))
    same = check(delivered({"record": {"B": 2, "A": 1}}, key=None))

    assert one.key.scope == "content"
    assert one.key == same.key


@pytest.mark.parametrize(
    "other",
    [
        {"record": {"A": 2}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": "1"}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": True}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"B": 1}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": 1}, "configuration": "map-2", "reference": "order-7"},
        {"record": {"A": 1}, "reference": "order-7"},
        {"record": {"A": 1}, "configuration": "map-1", "reference": "order-8"},
        {"record": {"A": 1}, "configuration": "map-1"},
        {"record": {"A": 1}, "configuration": "order-7", "reference": "map-1"},
    ],
)
def test_other_contents_are_other_requests(other: Mapping[str, object]) -> None:
    content = {"record": {"A": 1}, "configuration": "map-1", "reference": "order-7"}

    one, another = check(delivered(content, key=None)), check(delivered(other, key=None))

    assert one.key != another.key
    assert check(delivered(content)).fingerprint != check(delivered(other)).fingerprint


@pytest.mark.parametrize(
    ("composed", "decomposed"),
    [
        pytest.param({"record": {"Name": "Andr\u00e9"}}, {"record": {"Name": "Andre\u0301"}}, id="value"),
        pytest.param({"record": {"Pr\u00e9nom": "A"}}, {"record": {"Pre\u0301nom": "A"}}, id="heading"),
        pytest.param(
            {"record": {"\u00e9": 1, "f": 2}}, {"record": {"e\u0301": 1, "f": 2}}, id="heading that sorts elsewhere"
        ),
        pytest.param(
            {"record": {"A": 1}, "reference": "\u00c5"}, {"record": {"A": 1}, "reference": "A\u030a"}, id="reference"
        ),
    ],
)
def test_requests_that_differ_in_unicode_composition_alone_are_the_same_request(
    composed: Mapping[str, object], decomposed: Mapping[str, object]
) -> None:
    assert check(delivered(composed)).fingerprint == check(delivered(decomposed)).fingerprint
    assert check(delivered(composed, key=None)).key == check(delivered(decomposed, key=None)).key


def test_a_record_with_both_compositions_of_a_heading_is_not_mistaken_for_a_record_with_one_of_them() -> None:
    both = check(delivered({"record": {"\u00e9": 1, "e\u0301": 2}}))
    one = check(delivered({"record": {"e\u0301": 2}}))

    assert both.fingerprint != one.fingerprint


def test_both_compositions_of_a_heading_count_towards_the_size() -> None:
    refusal = refusal_of({"record": {"\u00e9": "x" * 60_000, "e\u0301": "x" * 60_000}})

    assert refusal.code is Code.TOO_LARGE


def test_what_is_sent_on_keeps_the_composition_that_the_caller_wrote() -> None:
    request = check(delivered({"record": {"Name": "Andre\u0301"}}))

    assert request.record == {"Name": "Andre\u0301"}


def test_keys_that_differ_in_unicode_composition_alone_are_the_same_key() -> None:
    composed = check(delivered({"record": {"A": 1}, "idempotency_key": "caf\u00e9"}))
    decomposed = check(delivered({"record": {"A": 1}, "idempotency_key": "cafe\u0301"}))

    assert composed.key == decomposed.key


def test_the_key_is_no_part_of_the_content() -> None:
    with_key = check(delivered({"record": {"A": 1}, "idempotency_key": "message-1"}))
    without = check(delivered({"record": {"A": 1}}))

    assert with_key.fingerprint == without.fingerprint


def test_the_fingerprint_of_equal_records_differs_from_key_to_key_so_that_nobody_can_look_a_contact_up() -> None:
    one = check(delivered({"record": {"Email": "joe@example.com"}, "idempotency_key": "order-7"}))
    another = check(delivered({"record": {"Email": "joe@example.com"}, "idempotency_key": "order-8"}))

    assert one.fingerprint != another.fingerprint


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (IdempotencyKey("caller", "order-7"), "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"),
        (IdempotencyKey("event", "order-7"), "a163c0d90a734ac77ae1500e5f66a6e50837db2a0e54e74301763e03876d6f8d"),
        (IdempotencyKey("message", "order-7"), "e16f0bb3c83302f0370a913ad7e97d84ed58ba92aaf602edd95f19826cf05fd7"),
    ],
)
def test_a_keys_digest_never_changes_since_the_ledger_outlives_every_release(key: IdempotencyKey, digest: str) -> None:
    assert key.digest == digest


def test_a_requests_fingerprint_never_changes_since_the_ledger_outlives_every_release() -> None:
    record = {"Email": "joe@example.com", "Amount": 12.5, "VIP": True, "Note": None}
    content = {"configuration": "map-1", "record": record, "reference": "order-7", "idempotency_key": "order-7"}

    request = check(delivered(content))

    assert request.fingerprint == "200f3332f047be0fc30566d24aa11cdab288d969728736d6b19244ce2d3ba9bc"


# --- what a log could show --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [repr, str])
def test_a_request_shows_nothing_that_the_caller_wrote(show: type[str]) -> None:
    request = check(
        delivered(
            {
                "configuration": "hidden-map",
                "record": {"Hidden Heading": "joe@example.com"},
                "reference": "hidden-reference",
                "idempotency_key": "hidden-key",
            }
        )
    )

    shown = show(request)

    assert "hidden" not in shown.lower()
    assert "joe" not in shown
    assert "message-1" in shown


def test_a_delivery_shows_nothing_of_its_content_either() -> None:
    shown = repr(delivered({"record": {"Hidden Heading": "joe@example.com"}}))

    assert "Hidden" not in shown
    assert "joe" not in shown
