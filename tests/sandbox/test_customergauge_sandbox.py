"""The sandbox CustomerGauge answers as the vendor documents. All on real sockets."""

import json
import re
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox import vendor_replies
from sandbox.customergauge import CustomerGaugeSandbox, DuplicateRule
from tests.sandbox.sandbox_client import FORM, JOE, MAPPING, Client


def test_a_record_becomes_a_link(client: Client) -> None:
    answer = client.put(JOE)
    assert answer.status == 200
    data = answer.json["data"]
    (link,) = client.vendor.links
    assert data == {
        "number_customergauge": link.number_customergauge,
        "survey_link": link.survey_link,
        "survey_link_short": link.survey_link_short,
    }
    assert data["survey_link"].startswith(client.vendor.base_url + "/r/")
    assert data["survey_link_short"].startswith(client.vendor.base_url + "/s/")
    assert (link.configuration, link.record) == (MAPPING, JOE)


def test_a_form_body_is_the_same_record(client: Client) -> None:
    form = urlencode({"configuration": MAPPING, **{f"record[{name}]": value for name, value in JOE.items()}})
    answer = client.send("PUT", "/personal-link/", form, client.headers(FORM))
    assert answer.status == 200
    assert client.vendor.links[0].record == JOE


def test_links_and_numbers_are_unique(client: Client) -> None:
    for _ in range(20):
        client.put(JOE)
    links = client.vendor.links
    assert len({link.survey_link for link in links}) == len({link.number_customergauge for link in links}) == 20


@pytest.mark.parametrize("configuration", [None, "", "   "])
def test_a_missing_configuration_is_a_422(client: Client, configuration: str | None) -> None:
    answer = client.put(JOE, configuration)
    assert (answer.status, answer.json) == (
        422,
        {
            "message": "The given data was invalid.",
            "errors": {"configuration": ["The configuration field is required."]},
        },
    )


def test_an_unknown_configuration_is_a_404(client: Client) -> None:
    answer = client.put(JOE, "no-such-mapping")
    expected = {"message": "The inbound mapping [no-such-mapping] was not found."}
    assert (answer.status, answer.json) == (404, expected)


def test_a_mapping_of_another_data_type_is_a_422(client: Client) -> None:
    answer = client.put(JOE, "activities")
    text = "The inbound mapping [activities] data type is invalid, only 'Multi-Object' or 'Survey Data' are allowed."
    assert (answer.status, answer.json) == (422, {"message": text, "errors": {"configuration": [text]}})


@pytest.mark.parametrize("record", [{}, None, "joe", [], {"Email": " "}, {"email": "joe@example.com"}])
def test_neither_email_nor_phone_is_a_422_on_both(client: Client, record: object) -> None:
    answer = client.put(record)
    email = "The Email field is required when Phone is not present."
    phone = "The Phone field is required when Email is not present."
    expected = {"message": f"{email} (and 1 more error)", "errors": {"Email": [email], "Phone": [phone]}}
    assert (answer.status, answer.json) == (422, expected)


@pytest.mark.parametrize("email", ["joe", "joe@", "@example.com", "joe doe@example.com", "a@b@c", 5, ["a@b.c"]])
def test_an_invalid_email_is_a_422(client: Client, email: object) -> None:
    answer = client.put({"Email": email})
    text = "The Email must be a valid email address."
    assert (answer.status, answer.json) == (422, {"message": text, "errors": {"Email": [text]}})


@pytest.mark.parametrize("phone", ["call me", "555.1234", "+", "٣٤٥", True])
def test_a_phone_with_other_characters_is_a_422(client: Client, phone: object) -> None:
    answer = client.put({"Phone": phone})
    assert answer.status == 422
    assert list(answer.json["errors"]) == ["Phone"]


@pytest.mark.parametrize("phone", ["+55 (62) 01234-56789", "5562012345678", 5562012345678])
def test_a_phone_in_the_documented_form_is_enough(client: Client, phone: object) -> None:
    assert client.put({"Phone": phone}).status == 200


def test_a_record_outside_every_campaign_is_a_400(client: Client) -> None:
    answer = client.put({**JOE, "Touchpoint": "No campaign"})
    assert (answer.status, answer.json) == (400, {"message": "Could not match any campaign filter."})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("global", "Record could not be imported because it duplicates with another record."),
        ("campaign", "Personal link record could not be created because it duplicates with another record."),
    ],
)
def test_the_second_record_of_a_contact_is_a_duplicate(client: Client, rule: DuplicateRule, message: str) -> None:
    client.vendor.duplicate_rule = rule
    assert client.put({"Email": "joe@example.com", "Phone": "+31 6 123"}).status == 200
    for repeated in ({"Email": "JOE@example.com"}, {"Email": "new@example.com", "Phone": "+31-6-123"}):
        answer = client.put(repeated)
        assert (answer.status, answer.json) == (400, {"message": message})
    assert client.put({"Email": "ann@example.com"}).status == 200
    client.vendor.duplicate_rule = "off"
    assert client.put({"Email": "joe@example.com"}).status == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", json.dumps({"configuration": MAPPING, "record": JOE})),
        ("application/json", "{not json"),
        ("application/json", '{"configuration": NaN}'),
        ("application/json", "[" * 100_000),
        ("application/json", '{"record": ' + "[" * 3000 + "]" * 3000 + "}"),
        ("application/json", "[1]"),
        ("application/json", "\ufeff{}"),
        (FORM, json.dumps({"configuration": MAPPING, "record": JOE})),
        ("application/json", f"configuration={MAPPING}&record[Email]=joe@example.com"),
    ],
)
def test_a_mislabelled_or_broken_body_is_no_input(client: Client, content_type: str, body: str) -> None:
    answer = client.send("PUT", "/personal-link/", body.encode(), client.headers(content_type))
    assert answer.status == 422
    assert list(answer.json["errors"]) == ["configuration"]


def test_strings_are_trimmed_and_empty_ones_become_null(client: Client) -> None:
    client.put({"Email": " joe@example.com ", "Account Name": "", "Tags": ["", " a "]})
    assert client.vendor.links[0].record == {
        "Email": "joe@example.com",
        "Account Name": None,
        "Tags": [None, "a"],
    }


@pytest.mark.parametrize("accept", ["", "*/*", "text/html, application/json", "application/json;q=0.5, text/html"])
def test_without_json_first_in_accept_a_validation_error_is_a_redirect(client: Client, accept: str) -> None:
    answer = client.send("PUT", "/personal-link/", "{}", client.headers(accept=accept))
    assert answer.status == 302
    assert client.send("GET", urlsplit(answer.headers["Location"]).path or "/").status == 200  # the false 200


def test_json_anywhere_but_first_by_quality_still_counts(client: Client) -> None:
    accept = "text/html;q=0.5, application/problem+json"
    assert client.send("PUT", "/personal-link/", "{}", client.headers(accept=accept)).status == 422


def test_without_the_slash_it_redirects_to_the_slash(client: Client) -> None:
    answer = client.send("PUT", "/personal-link?a=1", "{}")
    assert (answer.status, answer.headers["Location"]) == (
        301,
        client.vendor.base_url + "/personal-link/?a=1",
    )


def test_another_verb_is_a_405_that_names_put(client: Client) -> None:
    answer = client.send("POST", "/personal-link/", "{}")
    assert (answer.status, answer.headers["Allow"]) == (405, "PUT")


def test_a_body_over_the_limit_is_a_413() -> None:
    with CustomerGaugeSandbox() as vendor, socket.create_connection(("127.0.0.1", vendor.port), 5) as wire:
        wire.sendall(b"PUT /personal-link/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("no-campaign@example.com", 400),
        ("joe+duplicate@example.org", 400),
        ("global-duplicate@example.net", 400),
        ("joe+DUPLICATE@example.com", 400),
        ("duplicate@company.com", 200),
        ("joe.doe+holiday@example.com", 200),
    ],
)
def test_an_example_email_picks_the_answer(client: Client, email: str, status: int) -> None:
    assert client.put({"Email": email}).status == status


def test_the_documentation_lists_every_example_email() -> None:
    documented = re.findall(r"^([a-z-]+)@example\.com", vendor_replies.__doc__ or "", re.MULTILINE)
    assert documented == list(vendor_replies.CHOSEN_BY_EMAIL)
