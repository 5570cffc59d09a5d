"""Owners of keys: by HTTP the caller, by direct invocation that trigger, none on the queue and the bus."""

from typing import Any

import pytest

from personal_link.domain.request import IdempotencyKey, check
from personal_link.triggers.deliveries import open_direct, open_sqs
from personal_link.triggers.http_request import open_http

ACCOUNT = "arn:aws:iam::123456789012"
SESSIONS = "arn:aws:sts::123456789012"
BODY = '{"record": {"Email": "ada@acme.example"}}'


def http_digest(identity: dict[str, object] | None, key: str | None = "order-7") -> str:
    context: dict[str, Any] = {"requestId": "r-1", "requestTimeEpoch": 1_800_000_000_500, "identity": identity}
    headers = {"Idempotency-Key": key} if key else {}
    return check(open_http({"headers": headers, "body": BODY, "requestContext": context})).key.digest


def by_arn(arn: str, key: str | None = "order-7") -> str:
    return http_digest({"userArn": arn}, key)


# The queue and the bus


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (IdempotencyKey("caller", "order-7"), "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"),
        (IdempotencyKey("event", "event-1"), "c377188ec3de350ed05e7f87832aa7250015e4865e7ceadffbd15919693b45ed"),
        (IdempotencyKey("message", "message-1"), "e4aeb0ba027ae5d88d343a5582705f8f2b740e7755425d2bd5d6d74855e0e08e"),
    ],
)
def test_the_digest_of_a_queue_or_event_key_stays_the_same(key: IdempotencyKey, digest: str) -> None:
    assert key.digest == digest


def test_the_same_key_by_queue_by_http_and_by_invocation_has_three_digests() -> None:
    body = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-7"}
    message = {"messageId": "m-1", "body": f'{{"idempotency_key": "order-7", {BODY[1:]}', "attributes": {}}

    by_queue = check(open_sqs({**message, "attributes": {"SentTimestamp": "1800000000500"}})).key.digest
    by_invocation = check(open_direct(body, "i-1", 1_800_000_000.0, lambda _event: None)).key.digest
    by_http = by_arn(f"{ACCOUNT}:user/shop")

    assert by_queue == "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"
    assert len({by_queue, by_invocation, by_http}) == 3


# A redriven invocation


def test_a_redriven_invocation_keeps_its_key_and_owner() -> None:
    attributes = {"original_invocation_id": {"stringValue": "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"}}
    message = {"messageId": "m-1", "body": BODY, "attributes": {"SentTimestamp": "1800000000500"}}

    redriven = check(open_sqs({**message, "messageAttributes": attributes}))
    invoked = check(open_direct({"record": {"Email": "ada@acme.example"}}, "i-1", 1_800_000_000.0, lambda _event: None))

    assert redriven.key == invoked.key
    assert redriven.key.owner == "direct invocation"
