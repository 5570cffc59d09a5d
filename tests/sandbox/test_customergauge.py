"""The sandbox CustomerGauge answers as the vendor documents. All on real sockets."""

import json
import re
import time
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox.customergauge import replies
from sandbox.customergauge.server import CustomerGaugeSandbox, DuplicateRule, Reply
from tests.sandbox.sandbox_client import FORM, JOE, MAPPING, Client

EMAIL_MISSING = "The Email field is required when Phone is not present."
PHONE_MISSING = "The Phone field is required when Email is not present."
CONTACT_MISSING = {
    "message": f"{EMAIL_MISSING} (and 1 more error)",
    "errors": {"Email": [EMAIL_MISSING], "Phone": [PHONE_MISSING]},
}
EMAIL_INVALID = "The Email must be a valid email address."
WRONG_DATA_TYPE = (
    "The inbound mapping [activities] data type is invalid, only 'Multi-Object' or 'Survey Data' are allowed."
)


# Records


def test_a_contact_is_anonymized_in_its_records_alone_and_with_a_token_only(client: Client) -> None:
    ada = {"Email": "ada@example.com"}
    client.put(JOE)
    client.put(ada)
    path, body = "/v6/system-admin/data-admin/contacts/anonymize", json.dumps({"email": "Joe.Doe@example.com"})

    statuses = [client.send("POST", path, body, headers).status for headers in ({}, client.headers())]

    assert statuses == [401, 200]
    assert [link.record for link in client.vendor.links] == [{"Email": "***", "First Name": "***"}, ada]


@pytest.mark.parametrize(
    ("record", "configuration", "status", "answer"),
    [
        pytest.param(
            JOE,
            " ",
            422,
            {
                "message": "The given data was invalid.",
                "errors": {"configuration": ["The configuration field is required."]},
            },
            id="no configuration",
        ),
        pytest.param(
            JOE, "elsewhere", 404, {"message": "The inbound mapping [elsewhere] was not found."}, id="unknown mapping"
        ),
        pytest.param(
            JOE,
            "activities",
            422,
            {"message": WRONG_DATA_TYPE, "errors": {"configuration": [WRONG_DATA_TYPE]}},
            id="a mapping of another data type",
        ),
        pytest.param("joe", MAPPING, 422, CONTACT_MISSING, id="no object"),
        pytest.param({"email": "joe@example.com"}, MAPPING, 422, CONTACT_MISSING, id="other headings"),
        pytest.param(
            {"Email": "a@b@c"},
            MAPPING,
            422,
            {"message": EMAIL_INVALID, "errors": {"Email": [EMAIL_INVALID]}},
            id="email",
        ),
        pytest.param(
            {**JOE, "Touchpoint": "No campaign"},
            MAPPING,
            400,
            {"message": "Could not match any campaign filter."},
            id="outside every campaign",
        ),
    ],
)
def test_an_invalid_record_gets_the_documented_refusal(
    client: Client, record: object, configuration: str, status: int, answer: object
) -> None:
    refusal = client.put(record, configuration)

    assert (refusal.status, refusal.json) == (status, answer)


@pytest.mark.parametrize(("phone", "status"), [("+55 (62) 01234-56789", 200), (5562012345678, 200), ("555.1234", 422)])
def test_a_phone_may_have_digits_blanks_brackets_and_dashes_only(client: Client, phone: object, status: int) -> None:
    assert client.put({"Phone": phone}).status == status


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("global", "Record could not be imported because it duplicates with another record."),
        ("campaign", "Personal link record could not be created because it duplicates with another record."),
    ],
)
def test_a_duplicate_rule_refuses_a_second_record_of_a_contact(
    client: Client, rule: DuplicateRule, message: str
) -> None:
    client.vendor.duplicate_rule = rule
    assert client.put({"Email": "joe@example.com", "Phone": "+31 6 123"}).status == 200
    for repeated in ({"Email": "JOE@example.com"}, {"Email": "new@example.com", "Phone": "+31-6-123"}):
        answer = client.put(repeated)
        assert (answer.status, answer.json) == (400, {"message": message})
    assert client.put({"Email": "ann@example.com"}).status == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("text/plain", json.dumps({"configuration": MAPPING, "record": JOE}), id="neither JSON nor a form"),
        pytest.param(FORM, json.dumps({"configuration": MAPPING, "record": JOE}), id="JSON as a form"),
        pytest.param("application/json", f"configuration={MAPPING}&record[Email]=joe@example.com", id="a form as JSON"),
        pytest.param("application/json", '{"configuration": NaN}', id="NaN"),
        pytest.param("application/json", "[" * 100_000, id="deep"),
        pytest.param("application/json", "\ufeff{}", id="a byte order mark"),
    ],
)
def test_a_broken_body_or_wrong_media_type_counts_as_empty(client: Client, content_type: str, body: str) -> None:
    answer = client.send("PUT", "/personal-link/", body.encode(), client.headers(content_type))
    assert answer.status == 422
    assert list(answer.json["errors"]) == ["configuration"]


def test_strings_of_a_record_are_trimmed_and_empty_ones_become_null(client: Client) -> None:
    client.put({"Email": " joe@example.com ", "Account Name": "", "Tags": ["", " a "]})
    assert client.vendor.links[0].record == {"Email": "joe@example.com", "Account Name": None, "Tags": [None, "a"]}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 302),
        ("application/json;q=0.5, text/html", 302),
        ("text/html;q=0.5, application/problem+json", 422),
    ],
)
def test_a_validation_error_is_a_redirect_unless_json_is_preferred(client: Client, accept: str, status: int) -> None:
    answer = client.send("PUT", "/personal-link/", "{}", client.headers(accept=accept))

    assert answer.status == status
    if status == 302:
        assert client.send("GET", urlsplit(answer.headers["Location"]).path or "/").status == 200  # the false 200


def test_a_path_without_the_final_slash_is_redirected_and_another_method_is_answered_with_405(client: Client) -> None:
    redirect = client.send("PUT", "/personal-link?a=1", "{}")
    post = client.send("POST", "/personal-link/", "{}")

    assert (redirect.status, redirect.headers["Location"]) == (301, client.vendor.base_url + "/personal-link/?a=1")
    assert (post.status, post.headers["Allow"]) == (405, "PUT")


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("no-campaign@example.com", 400),
        ("joe+DUPLICATE@example.org", 400),
        ("duplicate@company.com", 200),
        ("joe.doe+holiday@example.com", 200),
    ],
)
def test_an_example_email_address_selects_the_answer(client: Client, email: str, status: int) -> None:
    assert client.put({"Email": email}).status == status


def test_the_documentation_lists_every_example_email_address() -> None:
    documented = re.findall(r"^([a-z-]+)@example\.com", replies.__doc__ or "", re.MULTILINE)
    assert documented == list(replies.CHOSEN_BY_EMAIL)


# Tokens


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
    ],
)
def test_a_wrong_token_request_is_refused_with_its_error(client: Client, changes: dict[str, str], error: str) -> None:
    answer = client.ask_token(**changes)
    assert (answer.status, answer.json) == (400, {"error": error})


def test_credentials_in_json_or_in_the_query_are_refused(client: Client) -> None:
    credentials = {"client_id": client.vendor.client_id, "client_secret": client.vendor.client_secret}
    form, path = "grant_type=client_credentials", f"/oauth2/token?{urlencode(credentials)}"

    in_json = client.send("POST", "/oauth2/token", json.dumps(credentials), {"Content-Type": "application/json"})
    in_query = client.send("POST", path, form, {"Content-Type": FORM})

    assert (in_json.status, in_json.json) == (400, {"error": "invalid_request"})
    assert (in_query.status, in_query.json) == (400, {"error": "invalid_client"})


def test_after_a_rotation_only_the_new_secret_works_and_old_tokens_work_until_revoked(client: Client) -> None:
    old = client.vendor.client_secret
    assert client.put(JOE).status == 200
    client.vendor.rotate_secret("the new one")
    assert client.ask_token(client_secret=old).json == {"error": "invalid_client"}
    assert client.ask_token(client_secret="the new one").status == 200
    assert client.put(JOE).status == 200
    client.vendor.revoke_tokens()
    assert client.put(JOE).status == 401


@pytest.mark.parametrize("authorization", [None, "Bearer made-up", "Basic am9lOmRvZQ=="])
def test_a_call_without_a_valid_token_is_answered_with_401(client: Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = client.send("PUT", "/personal-link/", "{}", headers)
    assert (answer.status, answer.json) == (401, {"message": "Unauthenticated."})


def test_a_call_with_an_expired_token_is_answered_with_401() -> None:
    with CustomerGaugeSandbox(token_lifetime=0.05) as vendor:
        client = Client(vendor)
        headers = client.headers()
        time.sleep(0.06)
        assert client.send("PUT", "/personal-link/", "{}", headers).status == 401
        client.wire.close()


# The sandbox itself


def test_the_repr_of_a_call_and_a_link_shows_no_token_and_no_record(client: Client) -> None:
    client.put(JOE)
    printed = repr(client.vendor.calls("personal-link")) + repr(client.vendor.links)
    assert client.access_token is not None
    assert client.access_token not in printed
    assert JOE["Email"] not in printed


def test_reset_restores_the_initial_state(client: Client) -> None:
    client.put(JOE)
    client.vendor.duplicate_rule = "global"
    secret = client.vendor.client_secret
    client.vendor.rotate_secret("other")
    client.vendor.script("token", Reply.error(500))

    client.vendor.reset()

    assert [client.vendor.calls("token"), client.vendor.calls("personal-link"), client.vendor.links] == [[], [], []]
    assert client.put(JOE).status == 401
    assert client.ask_token(client_secret=secret).status == 200


def test_both_survey_links_open_a_page_that_loads_nothing_and_shows_no_personal_data(client: Client) -> None:
    data = client.put(JOE).json["data"]
    for link in (data["survey_link"], data["survey_link_short"]):
        answer = client.send("GET", urlsplit(link).path)
        page = answer.body.decode()
        assert answer.status == 200
        assert page.count('type="radio"') == 11
        assert not re.search(r"<script|src=|href=|url\(|action=", page)
        assert "joe" not in page.lower()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert client.send("GET", "/r/unknown").status == 404
