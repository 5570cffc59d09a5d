"""No object of the package shows, in its repr or as text, what it keeps; whoever adds a class has to show one here."""

import importlib
import inspect
import io
import json
import logging
import pkgutil
import socket
import ssl
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest

import personal_link
from personal_link import wiring
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.aws.queues import Parked, RequestsQueue, ResultsQueue
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import StoredToken, TokenSecret
from personal_link.customergauge import answer_bytes, answers, transport
from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain import strict_json
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, Meaning, NotProcessed, PersonalLinkError, RequestError, SettingsError
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Delivery, IdempotencyKey, LinkRequest, Source, check
from personal_link.issue_link import LinkIssuer
from personal_link.metrics import Metrics
from personal_link.settings import QueueSettings, Settings, _Reader
from personal_link.triggers import batch
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.deliveries import Mapped, no_mapping
from personal_link.triggers.envelopes import Unwrapper
from personal_link.triggers.event_mappings import EventMappings, _Entry, _Functions, _Interpreter
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from tests.leaks.canaries import (
    ALL_OF_THEM,
    CANARIES,
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    LINK,
    RECORD,
    REFERENCE,
    SHORT_LINK,
    TOKEN,
    canaries_in,
)
from tests.leaks.raised import told_by

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


def classes() -> Iterator[type]:
    """Yield every class that a module of the package defines."""
    for module in pkgutil.walk_packages(personal_link.__path__, "personal_link."):
        for _name, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if found.__module__ == module.name:
                yield found


def keeps_something(cls: type) -> bool:
    return not (issubclass(cls, Enum | PersonalLinkError) or Protocol in cls.__bases__)


def objects() -> list[object]:
    """Return an object of each class, with a canary wherever it keeps what somebody sent."""
    clock = SystemClock()
    deadline = Deadline.after(10, clock)
    source = Source("sqs", "059f36b4-87a3-44ab-83d2-661975830a7d")
    content = {"configuration": "contact", "record": RECORD, "reference": REFERENCE.value, "idempotency_key": KEY.value}
    delivery = Delivery(source, content, IdempotencyKey("message", source.id), received_at=0.0)
    request = check(delivery)
    credentials = ClientCredentials(CLIENT_ID.value, CLIENT_SECRET.value)
    token = AccessToken(TOKEN.value, 3600.0, clock.wall(), clock.monotonic())
    link = PersonalLink(1, LINK.value, SHORT_LINK.value)
    outcome = Outcome(
        id="1",
        status="created",
        source=source,
        requested_at="2026-11-23T10:00:00.000Z",
        completed_at="2026-11-23T10:00:00.000Z",
        attempts=1,
        configuration="contact",
        personal_link=link,
        error={"code": "validation_failed", "message": ALL_OF_THEM, "errors": {"Email": [ALL_OF_THEM]}},
        reference=REFERENCE.value,
        record=RECORD,
    )
    carrier = transport.Transport(clock)
    gauge = CustomerGauge(carrier, clock, auth_base_url="https://auth.example", imports_base_url="https://api.example")
    cache = TokenCache(lambda _deadline: token, clock, lambda work: work())
    cache.get(deadline)
    secret = CredentialsSecret(cast("SecretsManagerClient", _SecretsManager()), "arn", clock)
    secret.get()
    ledger = Ledger(cast("DynamoDBClient", None), "ledger", 21, clock)
    stored = StoredToken.of(token, "origin", credentials.mark)
    token_secret = TokenSecret(cast("SecretsManagerClient", None), "arn")
    lease = TokenLease(cast("DynamoDBClient", None), "ledger", clock)
    shared = SharedToken(lease, token_secret, secret, lambda _deadline: token, origin="origin", clock=clock)
    issuer = LinkIssuer(ledger, cache, gauge, clock, None)
    sqs = cast("SQSClient", None)
    results, requests = ResultsQueue(sqs, "url", echo_record=True), RequestsQueue(sqs, "url", "parked url")
    error = NotProcessed(
        Code.UNAVAILABLE, "our own words", vendor_message=ALL_OF_THEM, errors={ALL_OF_THEM: [ALL_OF_THEM]}
    )
    breaker = CircuitBreaker(clock, 10)
    with breaker.permit(request.key.digest, deadline) as call:
        call.error = error
    settings = Settings(
        auth_base_url="https://auth.example",
        imports_base_url="https://api.example",
        encoding="json",
        default_configuration="contact",
        known_headings=frozenset({"Email"}),
        credentials_secret_arn="arn",
        ledger_table="ledger",
        ledger_days=21,
        stack_name="links",
        access_token_secret_arn="arn",
        results_queue_url="url",
        echo_record=True,
        log_level="INFO",
    )
    with socket.socket() as sock:
        answer = answer_bytes.TimedAnswer(sock, 0.0)
        reader = answer_bytes._TimedReader(sock, 0.0)  # noqa: SLF001
        head = answer_bytes._ShortHead(io.BufferedReader(reader))  # noqa: SLF001
        head.close()
    tls = ssl.create_default_context()
    wrapping = Unwrapper()
    wrapping.content_of({"Type": "Notification", "MessageId": KEY.value, "Message": json.dumps({"record": RECORD})})
    return [
        *(clock, deadline, source, delivery.key, delivery, request, credentials, token, link, outcome, carrier, gauge),
        *(
            cache,
            secret,
            stored,
            token_secret,
            lease,
            shared,
            ledger,
            issuer,
            results,
            requests,
            breaker,
            call,
            settings,
            answer,
            reader,
            head,
            answer_bytes.UnreadableHead(200),
        ),
        IdempotencyKey("caller", KEY.value),
        Attempt(
            request.key.digest,
            "owner",
            1,
            earlier_unanswered=False,
            outcome_id="1",
            source=source,
            requested_at="",
            life=1,
        ),
        transport.Response(200, {"Location": ALL_OF_THEM}, ALL_OF_THEM.encode(), complete=True),
        transport._PlainPool("api.example", headers={"Authorization": TOKEN.value}),  # noqa: SLF001
        transport._TlsPool("api.example", headers={"Authorization": TOKEN.value}, ssl_context=tls),  # noqa: SLF001
        transport._Timed("api.example"),  # noqa: SLF001
        transport._TimedTls("api.example"),  # noqa: SLF001
        answers.VendorWords([*RECORD.values(), TOKEN.value]),
        strict_json._Trap("NaN and Infinity are not JSON"),  # noqa: SLF001
        Parked(ALL_OF_THEM, error, 1, {"original_message_id": source.id}),
        DirectInvocation(issuer, results, no_mapping, issuer.clock),
        HttpApi(issuer, results),
        BatchWorker(issuer, results, requests, breaker, 60.0, clock, 10, no_mapping),
        batch._Opened({"body": ALL_OF_THEM}, delivery, request),  # noqa: SLF001
        QueueSettings(settings, "url", "parked url", 24, 10, 5, 0),
        _Reader({"AUTH_BASE_URL": ALL_OF_THEM}),
        wiring._Models(),  # noqa: SLF001
        Meaning(503),
        Metrics(),
        Mapped(delivery.content, {}),
        wrapping,
        EventMappings({}),
        _Entry("Order Paid", "Order Paid", None, {}, frozenset()),
        _Functions(),
        _Interpreter(),
    ]


class _SecretsManager:
    """A client that gives the secret."""

    def get_secret_value(self, **_arguments: Any) -> dict[str, str]:
        return {"SecretString": f'{{"client_id": "{CLIENT_ID.value}", "client_secret": "{CLIENT_SECRET.value}"}}'}


def classes_not_shown() -> list[str]:
    """Return the names of the classes that keep something, and of which `objects` has none."""
    shown = {type(one) for one in objects()}
    return [cls.__qualname__ for cls in classes() if keeps_something(cls) and cls not in shown]


def test_there_is_an_object_of_every_class_that_keeps_something() -> None:
    assert classes_not_shown() == []


@pytest.mark.parametrize("one", objects(), ids=lambda one: type(one).__qualname__)
def test_no_object_shows_what_it_keeps(one: object) -> None:
    logged = logging.makeLogRecord({"msg": "%s %r", "args": (one, one)}).getMessage()

    assert canaries_in(f"{one!r} {one} {one!a} {[one]} {logged}") == []


def test_a_request_that_is_shown_still_tells_one_from_another() -> None:
    (request,) = (one for one in objects() if isinstance(one, LinkRequest))

    assert "059f36b4-87a3-44ab-83d2-661975830a7d" in repr(request)


@pytest.mark.parametrize(
    "cls", [cls for cls in classes() if issubclass(cls, RequestError)], ids=lambda cls: cls.__name__
)
def test_no_error_of_a_request_tells_what_the_vendor_said(cls: type[RequestError]) -> None:
    error = cls(
        Code.VALIDATION_FAILED, "our own words", vendor_message=ALL_OF_THEM, errors={ALL_OF_THEM: [ALL_OF_THEM]}
    )

    assert canaries_in(f"{error} {error!r} {error.args}") == []


def test_incomplete_settings_are_named_and_not_quoted() -> None:
    reader = _Reader({canary.name: canary.value for canary in CANARIES} | {"AUTH_BASE_URL": f"https://{ALL_OF_THEM}"})
    for canary in CANARIES:
        reader.choice(canary.name, ("true", "false"))
        reader.number(canary.name)
    reader.base_url("AUTH_BASE_URL", "")

    with pytest.raises(SettingsError) as caught:
        reader.finish()

    assert "AUTH_BASE_URL must be https://host" in str(caught.value)
    assert canaries_in(told_by(caught.value)) == []
