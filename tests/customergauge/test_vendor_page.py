"""Every row of the vendor's page "PUT Personal Link API", over a real socket."""

import json
from collections.abc import Mapping

import pytest

from personal_link.domain.errors import Code, Refused
from personal_link.domain.request import Scalar
from sandbox.customergauge.replies import Reply
from tests.customergauge.conftest import Api
from tests.customergauge.scripted_lines import create
from tests.tables import table

CONFIGURATION = "9dd58237-c913-4073-9c76-07da0b49ff50"
JOE: Mapping[str, Scalar] = {
    "First Name": "Joe é &=",
    "Email": "joe.doe@example.com",
    "Zip": "7",
    "Age": 7,
    "Score": 1.5,
    "Member": True,
    "Lead": False,
    "Segment": None,
}


def test_the_token_request_is_a_form_of_client_credentials(api: Api) -> None:
    token = api.fetch_token()

    [call] = api.vendor.calls("token")
    assert (call.method, call.path) == ("POST", "/oauth2/token")
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.body.decode() == (
        f"grant_type=client_credentials&client_id={api.vendor.client_id}&client_secret={api.vendor.client_secret}"
    )
    assert token.life == 3600
    assert repr(token) == "AccessToken(***, life=3600)"


def test_a_link_is_requested_as_json_that_keeps_the_types_of_the_values(api: Api) -> None:
    create(api.gauge, api.token, record=JOE, configuration=CONFIGURATION)

    [call] = api.vendor.calls("personal-link")
    assert (call.method, call.path) == ("PUT", "/personal-link/")
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Accept"] == "application/json"
    assert call.headers["Accept-Encoding"] == "identity"
    assert call.headers["Authorization"] == f"Bearer {api.token.value}"
    assert json.loads(call.body)["configuration"] == "9dd58237-c913-4073-9c76-07da0b49ff50"
    assert call.body.decode().endswith(
        '"record": {"First Name": "Joe é &=", "Email": "joe.doe@example.com", "Zip": "7", "Age": 7, '
        '"Score": 1.5, "Member": true, "Lead": false, "Segment": null}}'
    )


def test_with_the_form_setting_a_link_is_requested_as_a_form_with_values_as_php_writes_them(api: Api) -> None:
    create(api.client("form"), api.token, record=JOE, configuration=CONFIGURATION)

    [call] = api.vendor.calls("personal-link")
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.body.decode() == (
        "configuration=9dd58237-c913-4073-9c76-07da0b49ff50&record%5BFirst+Name%5D=Joe+%C3%A9+%26%3D"
        "&record%5BEmail%5D=joe.doe%40example.com&record%5BZip%5D=7&record%5BAge%5D=7&record%5BScore%5D=1.5"
        "&record%5BMember%5D=1&record%5BLead%5D=0&record%5BSegment%5D="
    )


@pytest.mark.parametrize("heading", ["Segment [", "Segment ]"])
def test_a_heading_that_a_form_cannot_carry_is_refused_before_anything_is_sent(api: Api, heading: str) -> None:
    with pytest.raises(Refused) as caught:
        create(
            api.client("form"), api.token, record={"Email": "joe@example.com", heading: "x"}, configuration="contact"
        )

    assert caught.value.code is Code.INVALID_REQUEST
    assert api.vendor.calls("personal-link") == []


def test_the_documented_200_answer_is_returned_as_a_link(api: Api) -> None:
    data = {
        "number_customergauge": 12345,
        "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef",
        "survey_link_short": "https://cust.xx/987656abcdef",
    }
    api.vendor.script("personal-link", Reply(200, {"data": data}))

    assert create(api.gauge, api.token, record=JOE, configuration=CONFIGURATION).as_json() == data


WRONG_TYPE = "The inbound mapping [activities] data type is invalid, only 'Multi-Object' or 'Survey Data' are allowed."


@table(
    "configuration, record, code, message, errors",
    (
        "400 without a campaign",
        CONFIGURATION,
        {"Email": "no-campaign@example.com"},
        Code.NO_MATCHING_CAMPAIGN,
        "Could not match any campaign filter.",
        {},
    ),
    (
        "400 by the global duplicate rule",
        CONFIGURATION,
        {"Email": "global-duplicate@example.com"},
        Code.DUPLICATE_RECORD,
        "Record could not be imported because it duplicates with another record.",
        {},
    ),
    (
        "400 for a contact already surveyed",
        CONFIGURATION,
        {"Email": "duplicate@example.com"},
        Code.DUPLICATE_RECORD,
        "Personal link record could not be created because it duplicates with another record.",
        {},
    ),
    ("404", "no-such-mapping", JOE, Code.MAPPING_NOT_FOUND, "The inbound mapping [no-such-mapping] was not found.", {}),
    (
        "422 for a mapping of another data type",
        "activities",
        JOE,
        Code.VALIDATION_FAILED,
        WRONG_TYPE,
        {"configuration": [WRONG_TYPE]},
    ),
    (
        "422 for neither email nor phone",
        CONFIGURATION,
        {"First Name": "Joe"},
        Code.VALIDATION_FAILED,
        "The Email field is required when Phone is not present. (and 1 more error)",
        {
            "Email": ["The Email field is required when Phone is not present."],
            "Phone": ["The Phone field is required when Email is not present."],
        },
    ),
    (
        "422 for an invalid value",
        CONFIGURATION,
        {"Email": "not an e-mail"},
        Code.VALIDATION_FAILED,
        "The Email must be a valid email address.",
        {"Email": ["The Email must be a valid email address."]},
    ),
)
def test_each_documented_refusal_has_its_code_and_the_message_of_customergauge(
    api: Api, configuration: str, record: Mapping[str, Scalar], code: Code, message: str, errors: object
) -> None:
    with pytest.raises(Refused) as caught:
        create(api.gauge, api.token, record=record, configuration=configuration)

    assert (caught.value.code, caught.value.vendor_message, caught.value.errors) == (code, message, errors)
