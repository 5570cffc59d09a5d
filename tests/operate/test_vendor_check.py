"""The check: is the secret filled in, is it accepted, is CustomerGauge there; each step says what to do."""

import json
import re

import pytest

from personal_link.settings import REGIONS
from sandbox.customergauge.log import Endpoint
from sandbox.customergauge.replies import Reply
from tests.aws.account import CLIENT_SECRET
from tests.operate.stage import NAME, Stage
from tests.tables import table


def states(output: str) -> list[str]:
    """Return how each step ended."""
    return re.findall(r"^(ok|bad|[?]) ", output, re.MULTILINE)


def test_good_credentials_are_good_and_no_survey_record_is_made(stage: Stage) -> None:
    checked = stage.run("check", NAME, "--yes")

    assert checked.exit_code == 0
    assert checked.output.splitlines() == [
        "OK  personal-link",
        "",
        "ok   Secret: readable and filled in",
        f"ok   Token server {stage.host}: issues a token for 3600 s, which is discarded",
        f"ok   API {stage.host}: answers without TLS, as on this machine (HTTP 200)",
    ]
    assert len(stage.vendor.calls("token")) == 1
    assert stage.vendor.calls("personal-link") == []


def test_an_empty_secret_is_told_and_no_token_is_asked_for(stage: Stage) -> None:
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString="{}")

    checked = stage.run("check", NAME, "--yes")

    assert checked.exit_code == 1
    where = f"--region eu-west-1 --secret-id {stage.aws.secret_arn}"
    assert states(checked.output) == ["bad", "ok"]
    assert checked.output.splitlines()[0] == "1 thing needs you  personal-link"
    assert checked.output.splitlines()[3:5] == [
        f"  aws secretsmanager put-secret-value {where} --secret-string file:///dev/stdin",
        '  Type {"client_id": "…", "client_secret": "…"} of your Connected App, then Ctrl-D.',
    ]
    assert stage.vendor.calls("token") == []


def test_refused_credentials_are_told_and_not_shown(stage: Stage) -> None:
    stage.vendor.rotate_secret("another")

    checked = stage.run("check", NAME, "--yes")

    assert checked.exit_code == 1
    assert states(checked.output) == ["ok", "bad", "ok"]
    assert "it refuses the client id or secret" in checked.output
    assert "Compare the secret with the Connected App in CustomerGauge, then:" in checked.output
    assert "aws secretsmanager put-secret-value --region " in checked.output
    assert CLIENT_SECRET not in checked.output


def test_a_token_server_that_is_down_is_told_and_is_no_matter_of_the_network(stage: Stage) -> None:
    stage.vendor.script("token", Reply.error(503))

    checked = stage.run("check", NAME, "--yes").output

    assert "the token server answered HTTP 503\n  CustomerGauge fails: wait. Requests are retried" in checked
    assert "network" not in checked


def test_a_vendor_that_is_not_there_is_told(stage: Stage) -> None:
    stage.vendor.stop()

    checked = stage.run("check", NAME, "--yes")

    assert states(checked.output) == ["ok", "bad", "bad"]
    assert checked.output.endswith(
        "no connection (NewConnectionError)\n  Look at the network between here and there.\n"
    )


@pytest.mark.parametrize("answer", ["n\n", ""])
@table(
    "of_customergauge, options, question, path",
    ("secret", "IMPORTS_BASE_URL", (), "token server {} is not CustomerGauge's. Send it the client secret?", "token"),
    (
        *("token", "AUTH_BASE_URL", ("--configuration", "contact")),
        *("API {} is not CustomerGauge's. Send it an access token?", "personal-link"),
    ),
)
def test_secret_and_token_leave_for_another_host_only_when_somebody_says_so(
    stage: Stage, of_customergauge: str, options: tuple[str, ...], question: str, path: Endpoint, answer: str
) -> None:
    stage.environment()[of_customergauge] = ""

    asked = stage.run("check", NAME, *options, typed=answer)

    assert asked.output.startswith(f"The {question.format(stage.host)} [y/N]: ")
    assert (asked.exit_code, stage.vendor.calls(path)) == (1, [])


def test_without_a_configuration_no_token_leaves_so_nobody_is_asked_about_the_api(stage: Stage) -> None:
    stage.environment().update(AUTH_BASE_URL="")
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString="{}")  # so nothing is sent

    assert states(stage.run("check", NAME).output) == ["bad", "ok"]


def test_whoever_says_yes_has_it_sent(stage: Stage) -> None:
    assert stage.run("check", NAME, typed="y\n").exit_code == 0
    assert len(stage.vendor.calls("token")) == 1


@pytest.mark.parametrize("region", REGIONS)
def test_nobody_is_asked_about_the_vendors_own_hosts(stage: Stage, region: str) -> None:
    stage.environment().update(CUSTOMERGAUGE_REGION=region, AUTH_BASE_URL="")
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString="{}")  # so nothing is sent

    checked = stage.run("check", NAME)

    assert states(checked.output)[0] == "bad"


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.eu.customergauge.com.example.com",
        "https://auth.eu.customergauge.example",
        "https://customergauge.com",
        "https://auth.eu.customergauge.com:8443",
    ],
)
def test_a_host_that_looks_like_the_vendors_is_none_of_its_own(stage: Stage, url: str) -> None:
    stage.environment()["AUTH_BASE_URL"] = url

    assert "is not CustomerGauge's" in stage.run("check", NAME, typed="n\n").output


def test_a_secret_that_may_not_be_read_is_not_called_bad(stage: Stage) -> None:
    stage.located.deny("GetSecretValue", "secretsmanager:GetSecretValue")

    checked = stage.run("check", NAME, "--yes")

    assert checked.exit_code == 3
    assert states(checked.output) == ["?", "ok"]
    assert "Secret: not allowed: secretsmanager:GetSecretValue" in checked.output
    assert stage.vendor.calls("token") == []


def test_an_environment_that_lambda_hides_is_a_missing_permission_and_not_another_version(stage: Stage) -> None:
    hidden = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt the variables"}
    stage.located.answers["GetFunctionConfiguration"] = {"Environment": {"Error": hidden}}

    checked = stage.run("check", NAME)

    assert checked.exit_code == 3
    assert checked.output == ("Error: not allowed: kms:Decrypt (docs/policies has all that is needed)\n")


# The inbound mapping

NOTHING_NAMED = (
    "?    Inbound mapping contact: CustomerGauge refused a request without a contact ({}) and named no field".format
)
MADE = "bad  Inbound mapping contact: CustomerGauge accepted a record without a contact, against its own page"


def of_the_mapping(stage: Stage, configuration: str, reply: Reply | None = None) -> tuple[int, list[str]]:
    """Return the exit code, and what the check says of an inbound mapping."""
    if reply:
        stage.vendor.script("personal-link", reply)
    checked = stage.run("check", NAME, "--yes", "--configuration", configuration)
    return checked.exit_code, checked.output.splitlines()[5:]


def test_a_mapping_that_is_there_is_told_with_what_it_requires_and_no_survey_record_is_made(stage: Stage) -> None:
    assert of_the_mapping(stage, "contact") == (
        0,
        ["ok   Inbound mapping contact: there, of a right type; a request without a contact lacks Email, Phone"],
    )
    assert stage.vendor.links == []
    [call] = stage.vendor.calls("personal-link")
    assert json.loads(call.body) == {"configuration": "contact", "record": {"Email": None, "Phone": None}}
    assert len(stage.vendor.calls("token")) == 1


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("contract", "there is none with this reference"),
        ("activities", "refused: its data type is not Multi-Object or Survey Data"),
    ],
)
def test_a_mapping_that_is_not_there_or_of_a_wrong_type_is_told(stage: Stage, configuration: str, said: str) -> None:
    code, told = of_the_mapping(stage, configuration)

    assert (code, told[0]) == (1, f"bad  Inbound mapping {configuration}: {said}")


def test_the_vendors_own_words_are_not_shown(stage: Stage) -> None:
    words = "The Account Name of Zoe is required."
    told = of_the_mapping(stage, "contact", Reply(422, {"message": words, "errors": {"Account Name": [words]}}))

    assert told[1] == [
        "ok   Inbound mapping contact: there, of a right type; a request without a contact lacks Account Name"
    ]


@pytest.mark.parametrize(
    ("reply", "code", "line"),
    [
        (Reply(422, {"errors": {"record": ["The record field is required."]}}), 3, NOTHING_NAMED("validation_failed")),
        (Reply.error(400, "Could not match any campaign filter."), 3, NOTHING_NAMED("no_matching_campaign")),
        (Reply.error(500), 1, "bad  Inbound mapping contact: CustomerGauge answered HTTP 500"),
        (Reply(200, {"data": {"survey_link": "http://127.0.0.1/r/1"}}), 1, MADE),
        (Reply(200, {"data": {}}), 1, MADE),
    ],
    ids=["no record", "no campaign", "down", "a link", "no link"],
)
def test_an_answer_that_says_nothing_of_the_mapping_is_no_good_news(
    stage: Stage, reply: Reply, code: int, line: str
) -> None:
    told = of_the_mapping(stage, "contact", reply)

    assert (told[0], told[1][0]) == (code, line)


def test_without_a_token_the_mapping_is_not_asked_for(stage: Stage) -> None:
    stage.vendor.rotate_secret("another")

    assert states(stage.run("check", NAME, "--yes", "--configuration", "contact").output) == ["ok", "bad", "ok"]
