"""Every row of the vendor's page "PUT Personal Link API", over a real socket."""

import json
import socket
import ssl
from collections.abc import Mapping

import pytest
import trustme

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, Refused
from personal_link.domain.request import Scalar
from personal_link.settings import load_settings
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.vendor_replies import Reply
from tests.customergauge.conftest import CONFIGURATION

JOE: Mapping[str, Scalar] = {
    "Account Name": "ACME",
    "First Name": "Joe",
    "Last Name": "Doe",
    "Email": "joe.doe@example.com",
}


def refusal(
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    *,
    configuration: str = CONFIGURATION,
    record: Mapping[str, Scalar] = JOE,
) -> Refused:
    with pytest.raises(Refused) as caught:
        gauge.create_personal_link(configuration, record, token, deadline)
    return caught.value


def test_the_token_request_is_a_form_of_client_credentials(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline
) -> None:
    token = gauge.fetch_token(credentials, deadline)

    [call] = vendor.calls("token")
    assert (call.method, call.path) == ("POST", "/oauth2/token")
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.body.decode() == (
        f"grant_type=client_credentials&client_id={vendor.client_id}&client_secret={vendor.client_secret}"
    )
    assert token.life == 3600


def test_a_link_is_requested_as_json(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    gauge.create_personal_link(CONFIGURATION, JOE, token, deadline)

    [call] = vendor.calls("personal-link")
    assert (call.method, call.path) == ("PUT", "/personal-link/")
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Accept"] == "application/json"
    assert call.headers["Accept-Encoding"] == "identity"
    assert call.headers["Authorization"] == f"Bearer {token.value}"
    assert json.loads(call.body) == {
        "configuration": "9dd58237-c913-4073-9c76-07da0b49ff50",
        "record": {
            "Account Name": "ACME",
            "First Name": "Joe",
            "Last Name": "Doe",
            "Email": "joe.doe@example.com",
        },
    }


def test_a_record_keeps_the_kinds_of_its_values_in_json(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    record: Mapping[str, Scalar] = {
        "Email": "joe@example.com",
        "Zip": "7",
        "Age": 7,
        "Score": 1.5,
        "Member": True,
        "Segment": None,
    }

    gauge.create_personal_link(CONFIGURATION, record, token, deadline)

    [call] = vendor.calls("personal-link")
    assert call.body.decode().endswith(
        '"record": {"Email": "joe@example.com", "Zip": "7", "Age": 7, "Score": 1.5, "Member": true, "Segment": null}}'
    )


def test_a_link_is_requested_as_a_form_by_choice(
    vendor: CustomerGaugeSandbox, form_gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    link = form_gauge.create_personal_link(CONFIGURATION, JOE, token, deadline)

    [call] = vendor.calls("personal-link")
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.body.decode() == (
        "configuration=9dd58237-c913-4073-9c76-07da0b49ff50&record%5BAccount+Name%5D=ACME&record%5BFirst+Name%5D=Joe"
        "&record%5BLast+Name%5D=Doe&record%5BEmail%5D=joe.doe%40example.com"
    )
    assert link.survey_link.startswith(vendor.base_url)


@pytest.mark.parametrize(
    ("value", "written"), [(None, ""), (True, "1"), (False, "0"), (7, "7"), (1.5, "1.5"), ("é &=", "%C3%A9+%26%3D")]
)
def test_a_form_writes_values_as_php_does(
    vendor: CustomerGaugeSandbox,
    form_gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    value: Scalar,
    written: str,
) -> None:
    form_gauge.create_personal_link("contact", {"Email": "joe@example.com", "Segment": value}, token, deadline)

    [call] = vendor.calls("personal-link")
    assert call.body.decode().endswith(f"&record%5BSegment%5D={written}")


@pytest.mark.parametrize("heading", ["Segment [A]", "Segment [", "Segment ]"])
def test_a_heading_that_a_form_cannot_carry_is_refused_before_anything_is_sent(
    vendor: CustomerGaugeSandbox, form_gauge: CustomerGauge, token: AccessToken, deadline: Deadline, heading: str
) -> None:
    error = refusal(form_gauge, token, deadline, record={"Email": "joe@example.com", heading: "x"})

    assert error.code is Code.INVALID_REQUEST
    assert vendor.calls("personal-link") == []


def test_200_is_a_link(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    link = gauge.create_personal_link(CONFIGURATION, JOE, token, deadline)

    [issued] = vendor.links
    assert link.as_json() == {
        "number_customergauge": issued.number_customergauge,
        "survey_link": issued.survey_link,
        "survey_link_short": issued.survey_link_short,
    }


def test_the_documented_200_is_a_link(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    vendor.script("personal-link", Reply(200, DOCUMENTED_LINK))

    link = gauge.create_personal_link(CONFIGURATION, JOE, token, deadline)

    assert link.as_json() == {
        "number_customergauge": 12345,
        "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef",
        "survey_link_short": "https://cust.xx/987656abcdef",
    }


def test_400_without_a_campaign_is_no_matching_campaign(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, record={"Email": "no-campaign@example.com"})

    assert error.code is Code.NO_MATCHING_CAMPAIGN
    assert error.vendor_message == "Could not match any campaign filter."


def test_400_by_the_global_duplicate_rule_is_a_duplicate_record(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, record={"Email": "global-duplicate@example.com"})

    assert error.code is Code.DUPLICATE_RECORD
    assert error.vendor_message == "Record could not be imported because it duplicates with another record."


def test_400_for_a_contact_already_surveyed_is_a_duplicate_record(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, record={"Email": "duplicate@example.com"})

    assert error.code is Code.DUPLICATE_RECORD
    assert error.vendor_message == (
        "Personal link record could not be created because it duplicates with another record."
    )


def test_404_is_mapping_not_found(gauge: CustomerGauge, token: AccessToken, deadline: Deadline) -> None:
    error = refusal(gauge, token, deadline, configuration="no-such-mapping")

    assert error.code is Code.MAPPING_NOT_FOUND
    assert error.vendor_message == "The inbound mapping [no-such-mapping] was not found."


def test_422_for_a_missing_configuration_is_validation_failed(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    # Ours never sends a request without one, so the answer is scripted as documented.
    body = {
        "message": "The given data was invalid.",
        "errors": {"configuration": ["The configuration field is required."]},
    }
    vendor.script("personal-link", Reply(422, body))

    error = refusal(gauge, token, deadline)

    assert error.code is Code.VALIDATION_FAILED
    assert error.vendor_message == "The given data was invalid."
    assert error.errors == {"configuration": ["The configuration field is required."]}


def test_422_for_a_mapping_of_another_data_type_is_validation_failed(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, configuration="activities")

    problem = "The inbound mapping [activities] data type is invalid, only 'Multi-Object' or 'Survey Data' are allowed."
    assert error.code is Code.VALIDATION_FAILED
    assert error.vendor_message == problem
    assert error.errors == {"configuration": [problem]}


def test_422_for_neither_email_nor_phone_is_validation_failed(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, record={"First Name": "Joe"})

    assert error.code is Code.VALIDATION_FAILED
    assert error.vendor_message == "The Email field is required when Phone is not present. (and 1 more error)"
    assert error.errors == {
        "Email": ["The Email field is required when Phone is not present."],
        "Phone": ["The Phone field is required when Email is not present."],
    }


def test_422_for_an_invalid_value_is_validation_failed(
    gauge: CustomerGauge, token: AccessToken, deadline: Deadline
) -> None:
    error = refusal(gauge, token, deadline, record={"Email": "not an e-mail"})

    assert error.code is Code.VALIDATION_FAILED
    assert error.errors == {"Email": ["The Email must be a valid email address."]}


@pytest.mark.parametrize("region", ["eu", "us", "au"])
def test_each_region_has_its_own_two_hosts(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    hosts = (f"auth.{region}.customergauge.com", f"imports.api.{region}.customergauge.com")
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(server_tls)
    client_tls = ssl.create_default_context()
    authority.configure_trust(client_tls)
    settings = load_settings({**COMPLETE, "CUSTOMERGAUGE_REGION": region})
    with CustomerGaugeSandbox(tls=server_tls) as vendor:
        resolve_to(vendor, monkeypatch)
        vendor.script("personal-link", Reply(200, DOCUMENTED_LINK))
        gauge = CustomerGauge(
            Transport(SystemClock(), client_tls),
            SystemClock(),
            auth_base_url=settings.auth_base_url,
            imports_base_url=settings.imports_base_url,
        )
        deadline = Deadline.after(10, SystemClock())
        token = gauge.fetch_token(ClientCredentials(vendor.client_id, vendor.client_secret), deadline)
        gauge.create_personal_link(CONFIGURATION, JOE, token, deadline)

        assert [call.headers["Host"] for call in vendor.calls("token")] == [hosts[0]]
        assert [call.headers["Host"] for call in vendor.calls("personal-link")] == [hosts[1]]


DOCUMENTED_LINK = {
    "data": {
        "number_customergauge": 12345,
        "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef",
        "survey_link_short": "https://cust.xx/987656abcdef",
    }
}

COMPLETE = {
    "CUSTOMERGAUGE_ENCODING": "json",
    "CREDENTIALS_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:credentials-AbCdEf",
    "LEDGER_TABLE": "ledger",
    "LEDGER_DAYS": "21",
    "ACCESS_TOKEN_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:access-token-AbCdEf",
    "RESULTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/000000000000/results",
    "ECHO_RECORD": "true",
    "LOG_LEVEL": "INFO",
    "STACK_NAME": "links",
}


def resolve_to(vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name lead to the sandbox, as a hosts file would, whatever the port."""
    port = int(vendor.base_url.rpartition(":")[2])

    def resolve(*_name: object, **_options: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
