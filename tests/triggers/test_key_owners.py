"""Owners of keys: by HTTP the caller, by direct invocation that trigger, none on the queue and the bus."""

from typing import Any

import pytest

from personal_link.domain.errors import NotProcessed
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


@pytest.mark.parametrize("key", ["order-7", None], ids=["a key of the caller's", "the hash of the request"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(f"{ACCOUNT}:user/shop", f"{ACCOUNT}:user/crm", id="two users"),
        pytest.param(f"{ACCOUNT}:user/shop", "arn:aws:iam::210987654321:user/shop", id="two accounts"),
        pytest.param(f"{SESSIONS}:assumed-role/shop/s", f"{SESSIONS}:assumed-role/crm/s", id="two roles"),
        pytest.param(f"{SESSIONS}:assumed-role/shop/s", f"{ACCOUNT}:user/shop", id="a role and a user"),
        pytest.param(f"{ACCOUNT}:root", f"{ACCOUNT}:user/root", id="the root user and one of that name"),
    ],
)
def test_the_same_key_of_two_callers_has_two_digests(one: str, other: str, key: str | None) -> None:
    assert by_arn(one, key) != by_arn(other, key)


def test_the_owner_of_a_key_is_the_arn_of_the_caller_without_the_session_of_a_role() -> None:
    request = check(
        open_http(
            {
                "headers": {"Idempotency-Key": "order-7"},
                "body": BODY,
                "requestContext": {
                    "requestId": "r-1",
                    "requestTimeEpoch": 1_800_000_000_500,
                    "identity": {"userArn": "arn:aws-cn:sts::123456789012:assumed-role/shop/session"},
                },
            }
        )
    )

    assert request.key == IdempotencyKey("caller", "order-7", "iam arn:aws-cn:sts::123456789012:assumed-role/shop")


def test_an_api_key_is_its_own_caller_unless_the_call_is_signed() -> None:
    shop = f"{ACCOUNT}:user/shop"
    two_keys_and_a_user = [http_digest({"apiKeyId": key, "userArn": None}) for key in ("a1b2c3", "d4e5f6", shop)]

    assert len({*two_keys_and_a_user, by_arn(shop)}) == 4
    assert http_digest({"userArn": shop, "apiKeyId": "a1b2c3"}) == by_arn(shop)


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(None, id="null"),
        pytest.param({"sourceIp": "192.0.2.1", "userArn": None, "apiKeyId": None}, id="an address alone"),
        pytest.param({"userArn": "", "apiKeyId": ""}, id="empty names"),
    ],
)
def test_an_http_call_without_a_caller_is_refused(identity: dict[str, object] | None) -> None:
    with pytest.raises(NotProcessed) as refusal:
        http_digest(identity)

    assert refusal.value.code == "internal_error"
    assert refusal.value.message == "API Gateway named no caller: the method has no authorization"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", "b c"), ("a b", "c"), id="a blank moves"),
        pytest.param(("a", '","b'), ('a","', "b"), id="quotes move"),
    ],
)
def test_no_two_pairs_of_owner_and_key_have_the_same_digest(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert IdempotencyKey("caller", one[1], one[0]).digest != IdempotencyKey("caller", other[1], other[0]).digest


@pytest.mark.parametrize("key", ["order-7", None], ids=["a key of the caller's", "the hash of the request"])
def test_the_digest_of_an_http_key_differs_from_that_of_older_versions(key: str | None) -> None:
    request = {"headers": {"Idempotency-Key": key} if key else {}, "body": BODY}
    context = {"requestId": "r-1", "requestTimeEpoch": 1_800_000_000_500, "identity": {"userArn": f"{ACCOUNT}:user/s"}}
    owned = check(open_http({**request, "requestContext": context})).key

    assert owned.digest != owned.former_digest, "a canary and a roll-back of this upgrade ask twice: docs/operation.md"


# The queue and the bus


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (IdempotencyKey("caller", "order-7"), "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"),
        (IdempotencyKey("event", "event-1"), "c377188ec3de350ed05e7f87832aa7250015e4865e7ceadffbd15919693b45ed"),
        (IdempotencyKey("message", "message-1"), "e4aeb0ba027ae5d88d343a5582705f8f2b740e7755425d2bd5d6d74855e0e08e"),
    ],
)
def test_the_digest_of_a_queue_or_event_key_is_that_of_older_versions(key: IdempotencyKey, digest: str) -> None:
    assert key.digest == key.former_digest == digest


def test_the_same_key_by_queue_by_http_and_by_invocation_has_three_digests() -> None:
    body = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-7"}
    message = {"messageId": "m-1", "body": f'{{"idempotency_key": "order-7", {BODY[1:]}', "attributes": {}}

    by_queue = check(open_sqs({**message, "attributes": {"SentTimestamp": "1800000000500"}})).key.digest
    by_invocation = check(open_direct(body, "i-1", 1_800_000_000.0, lambda _event: None)).key.digest
    by_http = by_arn(f"{ACCOUNT}:user/shop")

    assert by_queue == "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"
    assert len({by_queue, by_invocation, by_http}) == 3


# A redriven invocation


def test_a_redriven_invocation_keeps_its_key_and_owner_and_is_marked_as_redriven() -> None:
    attributes = {"original_invocation_id": {"stringValue": "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"}}
    message = {"messageId": "m-1", "body": BODY, "attributes": {"SentTimestamp": "1800000000500"}}

    redriven = check(open_sqs({**message, "messageAttributes": attributes}))
    invoked = check(open_direct({"record": {"Email": "ada@acme.example"}}, "i-1", 1_800_000_000.0, lambda _event: None))

    assert redriven.key == invoked.key
    assert redriven.key.owner == "direct invocation"
    assert (redriven.redriven, invoked.redriven) == (True, False)
