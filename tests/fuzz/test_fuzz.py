"""Whatever comes in by any trigger: no unhandled error, no 5xx, no poison loop. `make fuzz` tries far more than CI."""

import base64
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import direct_invocation
import http_api
from personal_link import wiring
from personal_link.aws.queues import Parked, ResultsQueue
from personal_link.domain import error_texts
from personal_link.domain.clock import Deadline, SystemClock, timestamp
from personal_link.domain.errors import PersonalLinkError
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import LinkRequest
from personal_link.triggers.deliveries import no_mapping
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from tests.crash.environments import a_worker
from tests.fake_clock import FakeClock
from tests.lambda_environment import Context

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from personal_link.issue_link import LinkIssuer

# Valid and invalid content: numbers of any size, all of Unicode, lone surrogates, deep nesting.
characters = st.characters(codec=None, categories=("Lu", "Ll", "Nd", "Po", "Zs", "Cc", "Cs", "Mn", "So", "Co"))
texts = st.text(characters, max_size=30) | st.sampled_from(["", "x" * 256, "x" * 257, "é", "e\u0301", "\ud800", "\x00"])
numbers = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 10**400, 1e308])
scalars = texts | numbers | st.booleans() | st.none()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
records = st.dictionaries(texts, scalars, max_size=8) | st.dictionaries(texts, values, max_size=3) | values
requests = st.fixed_dictionaries(
    {"record": records},
    optional={"configuration": values, "reference": values, "idempotency_key": values, "more": values},
)
# Of years, days and offsets that there are, that there are not, and that lead out of the calendar in UTC.
times = st.builds(
    "{:04}-{:02}-{:02}T{:02}:59:59{}".format,
    st.sampled_from([0, 1, 2, 1969, 2026, 9998, 9999, 10_000]) | st.integers(0, 99_999),
    st.sampled_from([1, 12]) | st.integers(0, 13),
    st.sampled_from([1, 31]) | st.integers(0, 32),
    st.sampled_from([0, 23]) | st.integers(0, 25),
    st.sampled_from(["Z", "", "+0000", "+2359", "-2359", "+23:59:59.999999", "-23:59:59", "+9959", "z", "Z "]),
)
events = st.fixed_dictionaries(
    {"detail-type": st.just("Visit Ended") | values, "id": st.just("event-1") | values, "detail": requests | values},
    optional={"time": times | values, "source": values},
)


def by_sns(message: str) -> dict[str, object]:
    return {"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn:aws:sns:::t", "Message": message}


# What senders put around a request, by their own wish or without knowing it; and what has none in it.
WRAPS: dict[str, Callable[[Any], Any]] = {
    "text": json.dumps,
    "SNS": lambda inner: by_sns(json.dumps(inner)),
    "SNS to a function": lambda inner: {"Records": [{"EventSource": "aws:sns", "Sns": by_sns(json.dumps(inner))}]},
    "event": lambda inner: {"id": "event-1", "detail-type": "Visit Ended", "detail": inner},
    "event without an id": lambda inner: {"detail-type": "Visit Ended", "detail": inner},
    "array": lambda inner: [inner],
    "SQS": lambda inner: {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(inner)}]},
    "gateway": lambda inner: {"httpMethod": "PUT", "requestContext": {}, "body": json.dumps(inner)},
    "message": lambda inner: {"messageId": "1", "body": json.dumps(inner)},
    "CloudEvent": lambda inner: {"specversion": "1.0", "id": "1", "data": inner},
}
OPENED = {  # outermost first: one envelope of SNS, one encoding as text, one event
    *((), ("event",), ("text",), ("SNS",), ("SNS to a function",), ("text", "SNS"), ("SNS", "text")),
    *(("text", "SNS to a function"), ("SNS to a function", "text"), ("text", "event"), ("event", "text")),
    *(("SNS", "event"), ("SNS to a function", "event"), ("event", "SNS"), ("event", "SNS to a function")),
    *((*order,) for sns in ("SNS", "SNS to a function") for order in permutations((sns, "text", "event"))),
}
shapes = st.recursive(
    requests | events | values,
    lambda inner: st.tuples(st.sampled_from(sorted(WRAPS)), inner).map(lambda one: WRAPS[one[0]](one[1])),
    max_leaves=4,
)


def as_json(value: object) -> str:
    """As senders write it: with NaN, with escapes or without; some cut it off, some say it twice."""
    return json.dumps(value)


bodies = st.one_of(
    (requests | values).map(as_json),
    requests.map(lambda value: json.dumps(value, ensure_ascii=False)),
    requests.map(lambda value: as_json(value)[:-1]),
    requests.map(lambda value: as_json(value) * 2),
    requests.map(lambda value: "\ufeff" + as_json(value)),
    st.integers(1, 3000).map(lambda depth: "[" * depth),
    st.integers(1, 5000).map(lambda digits: '{"record": {"A": ' + "9" * digits + "}}"),
    st.text(),
)
forms = st.lists(st.tuples(texts | texts.map(lambda name: f"record[{name}]"), texts), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
media_types = st.sampled_from(
    [
        "application/json",
        "application/vnd.api+json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
    ]
)


ID = "5a0d2f63-2c1e-5c5b-9d0c-7d3c1f1d9a10"


class Issuer:
    """Makes a link of every request that gets this far."""

    clock = FakeClock()

    def issue(self, request: LinkRequest, _deadline: Deadline) -> Outcome:
        link = PersonalLink(1, "https://survey.eu.customergauge.com/r/1", None)
        fields = {"reference": request.reference, "record": request.record, "configuration": "contact"}
        assert request.key.digest
        assert request.fingerprint
        arrived = timestamp(request.received_at)  # as the ledger writes it
        return Outcome(ID, "created", request.source, arrived, arrived, 1, personal_link=link, **cast("Any", fields))

    def after_sending(self, *_outcome: object, **_how: object) -> None:
        """Keep nothing: there is no ledger here."""


class Sqs:
    """Takes every batch of messages that SQS would take."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: ARG002  # SQS's signature
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            assert len(entry["MessageBody"].encode("utf-8", "surrogatepass")) < 1_048_576
            self.sent.append(entry["MessageBody"])
        return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in Entries]}


def an_http_api() -> tuple[HttpApi, Sqs]:
    sqs = Sqs()
    return HttpApi(cast("LinkIssuer", Issuer()), ResultsQueue(cast("SQSClient", sqs), "results", echo_record=True)), sqs


class Queue:
    """Parks whatever is parked."""

    def __init__(self) -> None:
        self.parked: list[Parked] = []

    def park(self, messages: Sequence[Parked]) -> set[int]:
        self.parked += messages
        return set()

    def hide(self, waits: Sequence[tuple[str, int]]) -> None:
        assert not waits


def values_in(value: object) -> Iterator[object]:
    """Yield a JSON value and all within it, those that are written as JSON text too."""
    yield value
    if isinstance(value, str):
        try:
            inside = json.loads(value.removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            return
        yield from () if isinstance(inside, str) and inside == value else values_in(inside)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from values_in(inner)


def composed(value: object) -> object:
    """Return a JSON value with all its texts in the form in which results echo them."""
    return json.loads(unicodedata.normalize("NFC", json.dumps(value, ensure_ascii=False)))


def end_of(body: str) -> dict[str, Any] | None:
    """Work a message, and check that it ends: as one result, or parked with its body and a reason.

    Return the result; None if it was parked.
    """
    sqs, queue = Sqs(), Queue()
    worker = a_worker(Issuer(), ResultsQueue(cast("SQSClient", sqs), "results", echo_record=True), queue, FakeClock())
    attributes = {"SentTimestamp": "1800000000000", "ApproximateReceiveCount": "1"}
    record = {"messageId": "m-1", "receiptHandle": "r-1", "body": body, "attributes": attributes}

    again = worker.work([record], Deadline.after(30.0, worker.clock))

    assert again == []
    assert len(sqs.sent) + len(queue.parked) == 1
    for parked in queue.parked:
        assert parked.body == body
        assert parked.error.code in {"invalid_request", "too_large"}
        assert error_texts.is_known(parked.error.message)
        return None
    [message] = sqs.sent
    assert message.isascii()
    result: dict[str, Any] = json.loads(message, parse_constant=pytest.fail)
    assert result["status"] in {"created", "rejected"}
    if "record" in result:  # which rejected ones lack if there was none
        sent = [*values_in(body)]
        assert result["record"] in sent or result["record"] in map(composed, sent)
    return result


@given(body=bodies)
def test_any_message_body_ends_as_exactly_one_result_or_is_parked(body: str) -> None:
    end_of(body)


@given(shape=shapes)
def test_any_json_body_ends_as_a_link_or_a_result_that_echoes_it_or_is_parked_unchanged(shape: object) -> None:
    end_of(as_json(shape))


@given(request=requests, wraps=st.sampled_from(sorted(OPENED)) | st.lists(st.sampled_from(sorted(WRAPS)), max_size=4))
def test_a_request_in_any_envelope_ends_like_the_bare_request_or_is_parked_unchanged(
    request: dict[str, Any], wraps: Sequence[str]
) -> None:
    shape: Any = request
    for wrap in reversed(wraps):
        shape = WRAPS[wrap](shape)

    alone, wrapped = end_of(as_json(request)), end_of(as_json(shape))

    if tuple(wraps) in OPENED and alone is not None:
        assert wrapped is not None
        told = ("status", "record", "reference", "configuration", "error")
        assert {name: wrapped.get(name) for name in told} == {name: alone.get(name) for name in told}
    else:
        assert wrapped is None


@given(event=st.fixed_dictionaries({"time": times, "detail": requests}))
def test_an_event_with_any_time_field_ends_as_exactly_one_result(event: dict[str, object]) -> None:
    end_of(as_json({"id": "event-1", "detail-type": "Visit Ended", **event}))


@given(payload=events | requests | values | shapes)
def test_any_invocation_returns_and_queues_one_result_or_raises_an_error_with_the_reason(payload: object) -> None:
    try:
        payload = json.loads(json.dumps(payload))  # as Lambda's runtime does, NaN and all
    except ValueError:  # a number of too many digits: Lambda itself fails
        return
    sqs = Sqs()
    results = ResultsQueue(cast("SQSClient", sqs), "results", echo_record=True)
    called = DirectInvocation(cast("LinkIssuer", Issuer()), results, no_mapping, SystemClock())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "direct_invocation", lambda: called)
        try:
            answer = direct_invocation.handler(payload, Context())
        except PersonalLinkError as error:
            answer = {"status": type(error).__name__}

    if answer["status"] == "invalid_request":
        assert sqs.sent == []
        return
    assert answer["status"] in {"created", "rejected"}
    assert json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()  # as Lambda writes it
    assert len(sqs.sent) == 1


@given(
    body=bodies | forms,
    media_type=media_types,
    key=st.none() | texts,
    encoding=st.sampled_from(["plain", "base64", "bad base64"]),
)
def test_any_http_call_is_answered_with_a_link_or_with_a_documented_client_error(
    body: str, media_type: str, key: str | None, encoding: str
) -> None:
    headers = {"Content-Type": media_type} | ({"Idempotency-Key": key} if key is not None else {})
    raw = body.encode("utf-8", "surrogatepass")
    event = {
        "headers": headers,
        "body": base64.b64encode(raw).decode() if encoding == "base64" else body,
        "isBase64Encoded": encoding != "plain",
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": "r-1",
            "requestTimeEpoch": 1_800_000_000_000,
        },
    }
    served, sqs = an_http_api()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "http_api", lambda: served)
        answer = http_api.handler(event, Context())

    content = json.loads(answer["body"], parse_constant=pytest.fail)
    if answer["statusCode"] == 200:
        assert content["data"]["survey_link"] == "https://survey.eu.customergauge.com/r/1"
        assert len(sqs.sent) == 1
    else:
        assert answer["statusCode"] in {400, 413, 415}
        assert content["code"] in {"invalid_request", "too_large", "unsupported_media_type"}
        assert sqs.sent == []
