"""The function for HTTP with the real core: links, refusals, failures and log lines."""

import io
import json

import pytest

import http_api
from personal_link import wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import SettingsError
from personal_link.domain.request import IdempotencyKey, digest_of_reference
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, values
from tests.handlers.conftest import ADA, api_event, call, lines
from tests.lambda_environment import Context, forget

pytestmark = pytest.mark.usefixtures("environment")

UUID = "9dd58237-c913-4073-9c76-07da0b49ff50"


# Links


def test_a_created_link_is_answered_in_the_shape_of_customergauge_and_sent_to_the_results_queue(
    vendor: CustomerGaugeSandbox, account: Account, log: io.StringIO
) -> None:
    answer = call(ADA, key="order-1", request_id="r-1")

    (link,) = vendor.links
    data = {
        "number_customergauge": 12345,
        "survey_link": link.survey_link,
        "survey_link_short": link.survey_link_short,
    }
    assert answer["statusCode"] == 200
    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert json.loads(answer["body"]) == {"data": data}
    (message,) = account.results()
    assert values(message) == {"status": "created", "code": "created", "source": "http"}
    result = json.loads(message["Body"])
    assert (result["personal_link"], result["record"]) == (data, {"Email": "ada@acme.example", "First Name": "Ada"})
    assert result["source"] == {"type": "http", "id": "r-1"}
    (line,) = lines(log)
    assert (line["message"], line["status"], line["attempts"], line["replayed"]) == ("outcome", "created", 1, False)


@pytest.mark.parametrize("key", ["order-1", None], ids=["with a key", "without a key"])
def test_a_replay_has_the_same_body_and_the_replayed_header(vendor: CustomerGaugeSandbox, key: str | None) -> None:
    first = call(ADA, key=key)
    forget()  # it outlives the environment

    again = call(ADA, key=key, method="POST")

    assert (again["statusCode"], again["body"]) == (200, first["body"])
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert len(vendor.calls("personal-link")) == 1


def test_a_record_sent_to_customergauge_as_a_form_arrives_unchanged(
    monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    monkeypatch.setenv("CUSTOMERGAUGE_ENCODING", "form")

    call({"record": {"Email": "ada@acme.example", "First Name": "Zoë & Co = 100 %"}})

    assert vendor.links[0].record == {"Email": "ada@acme.example", "First Name": "Zoë & Co = 100 %"}


# Failures


def test_a_call_with_too_little_time_left_is_a_503_and_not_started(
    account: Account, vendor: CustomerGaugeSandbox
) -> None:
    answer = http_api.handler(api_event(ADA), Context(seconds=9))

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    assert account.ledger_items() == []
    assert vendor.calls("token") == []


def test_missing_settings_fail_the_invocation_so_that_its_alarm_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    monkeypatch.setenv("RESULTS_QUEUE_URL", "")
    monkeypatch.setenv("ECHO_RECORD", "perhaps")

    with pytest.raises(SettingsError) as caught:
        call(ADA)

    assert str(caught.value) == (
        "The environment is not complete: LEDGER_TABLE is missing; RESULTS_QUEUE_URL is missing; "
        "ECHO_RECORD must be one of true, false"
    )


def test_a_bug_is_answered_with_503_and_logged_without_its_text(log: io.StringIO) -> None:
    answer = http_api.handler({**api_event(ADA), "body": {"ada@acme.example": "Ada"}}, Context())

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    assert json.loads(answer["body"]) == {"code": "internal_error", "message": "Unexpected error: try again later."}
    (line,) = lines(log)
    assert (line["message"], line["error"], line["detail"]) == ("unexpected error", "TypeError", "")
    assert line["source_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def test_the_core_gets_the_event_and_the_time_left_less_a_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[object, float]] = []

    class Core:
        def serve(self, event: object, deadline: Deadline) -> None:
            served.append((event, deadline.remaining()))
            raise ZeroDivisionError

    event = api_event(ADA)
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "http_api", Core)
        http_api.handler(event, Context(20))

    assert served[0][0] is event
    assert 5.0 < served[0][1] <= 6.0


# Logs


def test_a_call_without_an_outcome_is_logged_with_the_digests_that_find_it(log: io.StringIO) -> None:
    call({**ADA, "record": [], "reference": "ticket-1"}, key="order-1")

    (line,) = lines(log)
    assert (line["message"], line["code"]) == ("no outcome", "invalid_request")
    owner = f"iam {api_event(ADA)['requestContext']['identity']['userArn']}"
    assert line["key_digest"] == IdempotencyKey("caller", "order-1", owner).digest
    assert line["reference_digest"] == digest_of_reference("ticket-1")
