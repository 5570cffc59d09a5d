"""HTTP: links and refusals."""

import json
from urllib.parse import urlencode

import pytest

from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, values
from tests.handlers.conftest import ADA, call, forget

pytestmark = pytest.mark.usefixtures("environment")

UUID = "9dd58237-c913-4073-9c76-07da0b49ff50"


# Links over HTTP


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_link_is_answered_in_the_vendors_own_shape(vendor: CustomerGaugeSandbox, method: str) -> None:
    answer = call(ADA, method=method)

    (link,) = vendor.links
    assert answer["statusCode"] == 200
    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert json.loads(answer["body"]) == {
        "data": {
            "number_customergauge": 12345,
            "survey_link": link.survey_link,
            "survey_link_short": link.survey_link_short,
        }
    }


def test_an_answered_link_is_on_the_results_queue(account: Account) -> None:
    answer = call(ADA, key="order-1", request_id="r-1")

    (message,) = account.results()
    assert values(message) == {"status": "created", "code": "created", "source": "http"}
    body = json.loads(message["Body"])
    assert body["personal_link"] == json.loads(answer["body"])["data"]
    assert body["record"] == {"Email": "ada@acme.example", "First Name": "Ada"}
    assert body["source"] == {"type": "http", "id": "r-1"}


@pytest.mark.parametrize("key", ["order-1", None], ids=["with a key", "without a key"])
def test_a_replay_is_the_same_answer_with_a_header_that_says_so(vendor: CustomerGaugeSandbox, key: str | None) -> None:
    first = call(ADA, key=key)
    again = call(ADA, key=key)

    assert again["statusCode"] == 200
    assert again["body"] == first["body"]
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert len(vendor.calls("personal-link")) == 1


def test_a_replay_outlives_the_environment(vendor: CustomerGaugeSandbox) -> None:
    first = call(ADA, key="order-1")
    forget()

    again = call(ADA, key="order-1")

    assert again["body"] == first["body"]
    assert len(vendor.calls("personal-link")) == 1


def test_a_replayed_refusal_says_so_too() -> None:
    first = call({"record": {"Email": "no-campaign@example.com"}}, key="order-1")
    again = call({"record": {"Email": "no-campaign@example.com"}}, key="order-1")

    assert (again["statusCode"], again["body"]) == (400, first["body"])
    assert again["headers"]["Idempotent-Replayed"] == "true"


def test_a_form_as_the_vendor_documents_it_gets_its_link_too(vendor: CustomerGaugeSandbox) -> None:
    form = urlencode({"configuration": UUID, "record[Email]": "ada@acme.example", "record[First Name]": "Ada"})

    answer = call(form, content_type="application/x-www-form-urlencoded")

    assert answer["statusCode"] == 200
    assert vendor.links[0].configuration == UUID
    assert vendor.links[0].record == {"Email": "ada@acme.example", "First Name": "Ada"}


def test_a_record_that_is_to_be_sent_as_a_form_arrives_the_same(
    monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    monkeypatch.setenv("CUSTOMERGAUGE_ENCODING", "form")

    call({"record": {"Email": "ada@acme.example", "First Name": "Zoë & Co = 100 %"}})

    assert vendor.links[0].record == {"Email": "ada@acme.example", "First Name": "Zoë & Co = 100 %"}


# Refusals over HTTP


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        pytest.param(
            {"record": {"Email": "no-campaign@example.com"}},
            400,
            {"code": "no_matching_campaign", "message": "Could not match any campaign filter."},
            id="no campaign",
        ),
        pytest.param(
            {"record": {"Email": "duplicate@example.com"}},
            400,
            {
                "code": "duplicate_record",
                "message": "Personal link record could not be created because it duplicates with another record.",
            },
            id="duplicate",
        ),
        pytest.param(
            {"record": {"Email": "ada@acme.example"}, "configuration": "nobody-knows"},
            404,
            {"code": "mapping_not_found", "message": "The inbound mapping [nobody-knows] was not found."},
            id="no mapping",
        ),
        pytest.param(
            {"record": {"Email": "not-an-address"}},
            422,
            {
                "code": "validation_failed",
                "message": "The Email must be a valid email address.",
                "errors": {"Email": ["The Email must be a valid email address."]},
            },
            id="validation",
        ),
        pytest.param(
            {},
            400,
            {
                "code": "invalid_request",
                "message": (
                    "The body holds no request. It looks like an empty object. "
                    "Send a request (docs/contracts/request.schema.json)."
                ),
                "errors": {"record": ["is required: an object of at least one heading and its value"]},
            },
            id="no request",
        ),
        pytest.param(
            {"configuration": "contact"},
            400,
            {
                "code": "invalid_request",
                "message": "The request is not valid: see record.",
                "errors": {"record": ["is required: an object of at least one heading and its value"]},
            },
            id="no record",
        ),
        pytest.param(
            '{"record": ',
            400,
            {"code": "invalid_request", "message": "The body is not valid JSON: malformed at line 1, column 12."},
            id="no JSON",
        ),
        pytest.param(
            {"record": {"Notes": "x" * 65_536}},
            413,
            {"code": "too_large", "message": "The request has 65597 bytes; at most 65536 are allowed."},
            id="too large",
        ),
    ],
)
def test_a_refusal_has_a_status_a_code_and_words(body: object, status: int, error: dict[str, object]) -> None:
    answer = call(body)

    assert answer["statusCode"] == status
    assert json.loads(answer["body"]) == error
    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}


def test_another_media_type_is_refused() -> None:
    answer = call("<record/>", content_type="application/xml")

    assert answer["statusCode"] == 415
    assert json.loads(answer["body"])["code"] == "unsupported_media_type"


def test_a_key_used_for_another_request_is_refused(vendor: CustomerGaugeSandbox) -> None:
    call(ADA, key="order-1")

    answer = call({"record": {"Email": "grace@acme.example"}}, key="order-1")

    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["code"] == "idempotency_key_reused"
    assert len(vendor.calls("personal-link")) == 1


def test_a_lost_link_is_a_conflict(vendor: CustomerGaugeSandbox) -> None:
    vendor.duplicate_rule = "campaign"
    vendor.script("personal-link", Reply(fault="close", commit=True))
    first = call(ADA, key="order-1")

    again = call(ADA, key="order-1")

    assert (first["statusCode"], json.loads(first["body"])["code"]) == (504, "no_answer")
    assert "Retry-After" not in first["headers"]
    assert (again["statusCode"], json.loads(again["body"])["code"]) == (409, "outcome_unknown")
