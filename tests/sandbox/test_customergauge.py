"""The sandbox CustomerGauge answers as the vendor documents, and fails as it is told. All on real sockets.

`tests/customergauge/test_vendor_page.py` holds the documented refusals.
"""

import http.client
import json
import re
import time
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox.customergauge.server import CustomerGaugeSandbox, DuplicateRule, Reply
from tests.sandbox.sandbox_client import FORM, JOE, MAPPING, Client

# Records


def test_a_contact_is_anonymized_in_its_records_alone_and_with_a_token_only(client: Client) -> None:
    ada = {"Email": "ada@example.com"}
    client.put(JOE)
    client.put(ada)
    path, body = "/v6/system-admin/data-admin/contacts/anonymize", json.dumps({"email": "Joe.Doe@example.com"})

    statuses = [client.send("POST", path, body, headers).status for headers in ({}, client.headers())]

    assert statuses == [401, 200]
    assert [link.record for link in client.vendor.links] == [{"Email": "***", "First Name": "***"}, ada]


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


def test_a_validation_error_is_a_redirect_to_a_page_unless_json_is_accepted(client: Client) -> None:
    answer = client.send("PUT", "/personal-link/", "{}", client.headers(accept="*/*"))

    assert answer.status == 302
    assert client.send("GET", urlsplit(answer.headers["Location"]).path or "/").status == 200  # the false 200


def test_a_path_without_the_final_slash_is_redirected_and_another_method_is_answered_with_405(client: Client) -> None:
    redirect = client.send("PUT", "/personal-link?a=1", "{}")
    post = client.send("POST", "/personal-link/", "{}")

    assert (redirect.status, redirect.headers["Location"]) == (301, client.vendor.base_url + "/personal-link/?a=1")
    assert (post.status, post.headers["Allow"]) == (405, "PUT")


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


def test_credentials_in_the_query_are_refused(client: Client) -> None:
    credentials = {"client_id": client.vendor.client_id, "client_secret": client.vendor.client_secret}
    form, path = "grant_type=client_credentials", f"/oauth2/token?{urlencode(credentials)}"

    answer = client.send("POST", path, form, {"Content-Type": FORM})

    assert (answer.status, answer.json) == (400, {"error": "invalid_client"})


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


# Faults


def test_a_script_goes_before_the_switches_and_the_first_switch_that_is_on_answers(client: Client) -> None:
    client.headers()
    for name in ("rate-limit", "outage"):
        client.vendor.faults.switch(name, on=True)
    client.vendor.script("personal-link", Reply.html(502))

    answers = [client.put(JOE), client.put(JOE), client.ask_token()]
    client.vendor.faults.switch("outage", on=False)
    answers += [client.put(JOE), client.ask_token()]
    client.vendor.reset()

    told = [(answer.status, answer.headers["Retry-After"]) for answer in answers]
    assert told == [(502, None), (503, "2"), (503, "2"), (429, "3"), (200, None)]
    assert "rate-limit" not in client.vendor.faults


def test_every_call_is_recorded_with_its_answer_and_duration_also_one_whose_answer_is_lost(client: Client) -> None:
    client.vendor.script("personal-link", Reply(delay=0.2), Reply.error(503))
    client.put(JOE)
    client.put(JOE)
    client.vendor.faults.switch("lost-answers", on=True)
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)

    noted = client.vendor.exchanges()
    while noted[-1].seconds is None:  # noted only after the connection is closed
        time.sleep(0.01)
    assert [(one.endpoint, one.status) for one in noted] == [
        ("token", 200),
        ("personal-link", 200),
        ("personal-link", 503),
        ("personal-link", None),
    ]
    assert noted[1].seconds is not None
    assert 0.2 <= noted[1].seconds < 2
    assert len(client.vendor.links) == 2
