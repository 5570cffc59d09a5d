"""Which of the vendor's words are passed on, and what is read of a token."""

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import (
    Code,
    NotProcessed,
    OutcomeUnknown,
    Refused,
)
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.vendor_replies import Reply
from tests.customergauge.undocumented import create


def test_calls_in_a_row_share_one_connection(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    for _ in range(20):
        create(gauge, token)

    connections = {call.connection for call in (*vendor.calls("token"), *vendor.calls("personal-link"))}
    assert len(connections) == 1


def test_the_vendors_messages_are_passed_on_within_bounds(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    errors = {"Email": ["x" * 1024] * 20, "Name": ["x" * 1025, 7], "Phone": 7}
    vendor.script("personal-link", Reply(422, {"message": "No.", "errors": errors}))

    with pytest.raises(Refused) as caught:
        create(gauge, token)

    assert caught.value.errors == {"Email": ["x" * 1024] * 10, "Name": ["is not valid"] * 2}


def test_the_vendors_messages_are_not_passed_on_if_they_quote_the_record(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    quote = "Joe@Example.com is on the unsubscribe list."
    vendor.script("personal-link", Reply(422, {"message": quote, "errors": {"Email": [quote, "Too bad."]}}))

    with pytest.raises(Refused) as caught:
        create(gauge, token)

    assert caught.value.vendor_message is None
    assert caught.value.errors == {"Email": ["is not valid", "Too bad."]}


@pytest.mark.parametrize(
    ("value", "words", "told"),
    [
        pytest.param("Zoë", "ZOË is no name.", False, id="three letters, as a word"),
        pytest.param("Zoë", "Zoëlogy is no name.", True, id="three letters, by chance within a word"),
        pytest.param("5", "Between 1 and 5.", True, id="one letter says nothing of anybody"),
        pytest.param("Anna", "Annabel is no name.", False, id="four letters, within a word"),
        pytest.param(447700900461, "447700900461 is no name.", False, id="a number"),
        pytest.param(True, "True is no name.", True, id="true says nothing of anybody"),
        pytest.param("+44 7700 900461", "+447700900461 is no phone.", False, id="a phone number, written otherwise"),
        pytest.param("Zoë Ray", "Zo&euml; Ray is no name.", False, id="as HTML"),
        pytest.param("Zoë Ray", "Zo%C3%AB+Ray is no name.", False, id="as in an address"),
        pytest.param("Zoë Ray", "Zo\\u00eb Ray is no name.", False, id="as in JSON"),
        pytest.param("Anna", "Somebody%40else.example has that name.", False, id="somebody else's e-mail"),
        pytest.param("Anna", "See https://survey.example/r/1.", False, id="a link"),
        pytest.param("Anna", "Client 1h57kf5cpq17m0eml12EXAMPLE may not.", False, id="a client id"),
        pytest.param("Anna", "Kundenzufriedenheitsumfrage is missing.", True, id="a long word"),
        pytest.param("Anna", "Mapping 9dd58237-c913-4073-9c76-07da0b49ff50 is wrong.", True, id="a mapping"),
    ],
)
def test_the_vendors_words_are_passed_on_unless_they_quote_somebody(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    value: str | int,
    words: str,
    told: bool,  # noqa: FBT001
) -> None:
    vendor.script("personal-link", Reply(422, {"message": words, "errors": {words: [words]}}))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"First Name": value}, token, deadline)

    assert caught.value.vendor_message == (words if told else None)
    assert caught.value.errors == ({words: [words]} if told else {"record": ["is not valid"]})


def test_words_that_quote_the_access_token_are_not_passed_on(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, deadline: Deadline
) -> None:
    vendor.script("personal-link", Reply.error(422, "tok-1 may not."))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"Email": "a@b.example"}, AccessToken("tok-1", 60, 0, 0), deadline)

    assert caught.value.vendor_message is None


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "Could not match any campaign filter for Anna.", Code.NO_MATCHING_CAMPAIGN),
        (400, "Record duplicates with another record of Anna.", Code.DUPLICATE_RECORD),
        (404, "The inbound mapping [Anna] was not found.", Code.MAPPING_NOT_FOUND),
    ],
)
def test_a_refusal_that_quotes_somebody_means_the_same_and_is_told_in_our_words(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    status: int,
    words: str,
    code: Code,
) -> None:
    vendor.script("personal-link", Reply.error(status, words))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"First Name": "Anna"}, token, deadline)

    assert (caught.value.code, caught.value.vendor_message) == (code, None)


def test_the_number_of_a_record_whose_link_is_lost_is_told(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    vendor.script("personal-link", Reply(200, {"data": {"number_customergauge": 4711}}))

    with pytest.raises(OutcomeUnknown) as caught:
        create(gauge, token)

    assert "Its number is 4711." in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"token_type": "Bearer"}',
        b'{"access_token": null}',
        b'{"access_token": 7}',
        b'{"access_token": ""}',
        b'{"access_token": "a\\r\\nX-Injected: b"}',
        b'{"access_token": "a b"}',
        b'{"access_token": "abc", "token_type": "MAC"}',
        b'{"access_token": "' + b"x" * 10_000 + b'"}',
    ],
)
def test_a_token_that_cannot_be_sent_in_a_header_is_no_token(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    body: bytes,
) -> None:
    vendor.script("token", Reply(200, body))

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(credentials, deadline)

    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        (b"3600", 3600),
        (b'"3600"', 3600),
        (b"3600.5", 3600.5),
        (b"null", 600),
        (b"true", 600),
        (b'"abc"', 600),
        (b"0", 0),
        (b"-1", 0),
        (b"5", 30),
        (b"1e12", 86_400),
        (b"1" + b"0" * 4000, 86_400),
    ],
)
def test_a_tokens_life_is_read_from_whatever_expires_in_says(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    expires_in: bytes,
    life: float,
) -> None:
    vendor.script("token", Reply(200, b'{"access_token": "abc", "expires_in": ' + expires_in + b"}"))

    assert gauge.fetch_token(credentials, deadline).life == life


def test_a_revoked_token_costs_one_more_round_trip(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline
) -> None:
    tokens = TokenCache(lambda limit: gauge.fetch_token(credentials, limit), SystemClock(), lambda work: work())
    tokens.authorised(lambda token: create(gauge, token), deadline)
    vendor.revoke_tokens()

    link = tokens.authorised(lambda token: create(gauge, token), deadline)

    assert link.survey_link == vendor.links[1].survey_link
    assert (len(vendor.calls("token")), len(vendor.calls("personal-link"))) == (2, 3)
