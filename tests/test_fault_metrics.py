"""Each fault writes its metric: both handlers from end to end, read as CloudWatch reads their output."""

from collections.abc import Callable, Iterator

import pytest
from botocore.session import Session

import http_api
import queue_worker
from personal_link import wiring
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, refusing
from tests.embedded_metrics import values_of
from tests.handlers.conftest import ADA, api_event, sqs_event
from tests.lambda_environment import Context, forget, lambda_environment
from tests.tables import table
from tests.template.invariants.alarms import OF_A_CANARY, WATCHED

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, account: Account, vendor: CustomerGaugeSandbox) -> Iterator[None]:
    """A new Lambda environment with the variables that the template sets; the stack's name is `links`."""
    with lambda_environment(monkeypatch, account, vendor):
        yield


def call(body: object = None, *, key: str = "order-1") -> int:
    event = api_event(ADA if body is None else body, key=key)
    return int(http_api.handler(event, Context(seconds=60))["statusCode"])


def deliver(*bodies: object, hours_ago: float = 0.0) -> list[str]:
    """Hand a batch to the worker; return the ids of what is to come again."""
    failures = queue_worker.handler(sqs_event(*bodies, hours_ago=hours_ago), Context(seconds=60))["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def test_a_link_by_http_counts_its_outcome_the_answer_of_customergauge_and_the_token_fetch(capsys: Captured) -> None:
    assert call() == 200

    out = capsys.readouterr().out
    stack = {"Stack": "links"}
    assert values_of(out, "Outcomes", **stack) == [1.0]
    assert values_of(out, "Outcomes", **stack, Code="created") == [1.0]
    assert values_of(out, "Outcomes", **stack, Source="http") == [1.0]
    assert values_of(out, "Attempts", **stack) == [1.0]
    assert values_of(out, "VendorAnswers", **stack, Status="200") == [1.0]
    assert values_of(out, "TokenFetches", **stack) == [1.0]
    [milliseconds] = values_of(out, "VendorLatency", **stack)
    assert 0 < milliseconds < 10_000


EIGHT: list[object] = [{"record": {"Email": f"{number}@acme.example"}} for number in range(8)]


@table(
    "replies, bodies, hours_ago, counted",
    ("an attempt without an answer", [Reply(fault="reset")], [ADA], 0, [("VendorAnswers", {"Status": "none"}, 1)]),
    (
        "an outage",
        [Reply(503)] * 8,
        EIGHT,
        0,
        [
            ("TriedAgain", {"Code": "unavailable"}, 8),
            ("VendorAnswers", {"Status": "503"}, 8),
            ("CircuitOpens", {}, 1),
        ],
    ),
    (
        "two messages parked",
        [Reply(500)],
        [ADA, "no JSON"],
        25,
        [("Parked", {"Code": "unavailable"}, 1), ("Parked", {"Code": "invalid_request"}, 1), ("Parked", {}, 2)],
    ),
)
def test_a_failure_on_the_queue_is_counted_by_its_code_and_status(
    vendor: CustomerGaugeSandbox,
    capsys: Captured,
    replies: list[Reply],
    bodies: list[object],
    hours_ago: float,
    counted: list[tuple[str, dict[str, str], int]],
) -> None:
    vendor.script("personal-link", *replies)

    deliver(*bodies, hours_ago=hours_ago)

    out = capsys.readouterr().out
    for metric, dimensions, times in counted:
        assert values_of(out, metric, Stack="links", **dimensions) == [1.0] * times


def test_a_retried_message_reports_its_age_on_each_retry(vendor: CustomerGaugeSandbox, capsys: Captured) -> None:
    vendor.script("personal-link", Reply(503), Reply(503))

    deliver(ADA)
    [just_sent] = values_of(capsys.readouterr().out, "RetryAge", Stack="links")
    deliver(ADA, hours_ago=0.5)
    [half_an_hour_old] = values_of(capsys.readouterr().out, "RetryAge", Stack="links")

    assert just_sent == pytest.approx(0, abs=20)
    assert half_an_hour_old == pytest.approx(1800, abs=20)


def test_an_outcome_whose_result_cannot_be_sent_is_counted_as_a_retry(account: Account, capsys: Captured) -> None:
    wiring.batch_worker.cache_clear()
    with refusing(account.sqs, "SendMessageBatch", "InternalError"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "create_client", lambda _session, service, **_: getattr(account, service))
        assert deliver(ADA) == ["m-0"]

    out = capsys.readouterr().out
    assert values_of(out, "Outcomes", Stack="links") == []
    assert values_of(out, "TriedAgain", Stack="links", Code="internal_error") == [1.0]


# The fault of each alarm


def forget_the_token(account: Account) -> None:
    """Begin a new environment, the first after a long time."""
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString="{}")
    account.dynamodb.delete_item(TableName=account.ledger_table, Key={"pk": {"S": "access-token/2"}})
    forget()


def retry_for_half_an_hour(vendor: CustomerGaugeSandbox, _account: Account) -> None:
    vendor.script("personal-link", Reply(503))
    deliver(ADA, hours_ago=0.6)


def lose_a_link(vendor: CustomerGaugeSandbox, _account: Account) -> None:
    vendor.script("personal-link", Reply(200, {"data": {}}))
    deliver(ADA)


def refuse_the_credentials(vendor: CustomerGaugeSandbox, account: Account) -> None:
    vendor.rotate_secret("another")
    forget_the_token(account)
    deliver(ADA)


def forbid_the_client(vendor: CustomerGaugeSandbox, _account: Account) -> None:
    vendor.script("personal-link", Reply.error(403, "This action is unauthorized."))
    call()


def leave_the_secret_empty(_vendor: CustomerGaugeSandbox, account: Account) -> None:
    account.secretsmanager.put_secret_value(
        SecretId=account.secret_arn, SecretString='{"client_id": "", "client_secret": ""}'
    )
    forget_the_token(account)
    call()


def meet_a_bug(_vendor: CustomerGaugeSandbox, account: Account) -> None:
    call()
    for item in account.ledger_items():
        account.dynamodb.put_item(TableName=account.ledger_table, Item={**item, "outcome": {"S": "{}"}})
    call()


FAULTS: list[tuple[str, Callable[[CustomerGaugeSandbox, Account], None]]] = [
    ("OldestRetry", retry_for_half_an_hour),
    ("UnknownOutcomes", lose_a_link),
    ("CredentialsRefused", refuse_the_credentials),
    ("CredentialsRefused", forbid_the_client),
    ("CredentialsRefused", leave_the_secret_empty),
    ("Bugs", meet_a_bug),
]


@pytest.mark.parametrize(("alarm", "fault"), FAULTS, ids=[fault.__name__.replace("_", " ") for _alarm, fault in FAULTS])
def test_the_fault_of_an_alarm_raises_its_metric_above_the_threshold(
    alarm: str,
    fault: Callable[[CustomerGaugeSandbox, Account], None],
    vendor: CustomerGaugeSandbox,
    account: Account,
    capsys: Captured,
) -> None:
    _namespace, metric, dimensions, _statistic, threshold = (WATCHED | OF_A_CANARY)[alarm]
    call(key="all is well")
    well = values_of(capsys.readouterr().out, metric, **(dict(dimensions) | {"Stack": "links"}))
    fault(vendor, account)

    ill = values_of(capsys.readouterr().out, metric, **(dict(dimensions) | {"Stack": "links"}))
    assert sum(well) <= threshold < sum(ill)


def test_every_alarm_on_our_own_metrics_has_a_fault_in_this_file() -> None:
    assert {alarm for alarm, _fault in FAULTS} == {
        name for name, (namespace, *_what) in (WATCHED | OF_A_CANARY).items() if namespace == "PersonalLink"
    }
