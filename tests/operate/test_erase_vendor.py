"""Erase a person in CustomerGauge: only on demand, only at its own hosts, and never without a word of what is gone."""

import json

import pytest

from operate.erase.anonymise import Anonymiser
from sandbox.customergauge.replies import Reply
from tests.leaks.canaries import CANARIES, EMAIL, canaries_in
from tests.operate.stage import NAME, Stage
from tests.operate.test_erase import BY_KEY, BY_PERSON, WITH_VENDOR, erase, items


def test_customergauge_is_asked_to_anonymise_the_address_only_with_vendor_and_yes(stage: Stage) -> None:
    assert erase(stage, *BY_PERSON, "--vendor")["vendor"] == []
    assert stage.vendor.calls("token") == []

    told = stage.run("erase", NAME, *BY_PERSON, "--person", "+44 7700 900461", *WITH_VENDOR)

    [call] = stage.vendor.calls("anonymize")
    assert (call.method, json.loads(call.body)) == ("POST", {"email": EMAIL.value})
    assert told.exit_code == 0
    assert f"ok   Anonymise address 1 at {stage.host}: accepted (HTTP 200)\n" in told.output


REFUSED = "CustomerGauge refused this call: do it in CustomerGauge itself."
REDIRECT = "Compare ImportsBaseUrl with the address of CustomerGauge's API."


@pytest.mark.parametrize(
    ("status", "more", "do"),
    [
        (404, "", REFUSED),
        (403, "", REFUSED),
        (429, "", "Try again later."),
        (500, "", "Try again later."),
        (503, "", "Try again later."),
        (302, ", a redirect, which is not followed", REDIRECT),
    ],
)
def test_an_answer_that_is_no_2xx_is_told_with_its_status_alone_and_what_to_do(
    stage: Stage, status: int, more: str, do: str
) -> None:
    stage.vendor.script("anonymize", Reply.error(status, f"No contact {EMAIL.value}."))

    told = stage.run("erase", NAME, *BY_PERSON, *WITH_VENDOR)

    assert told.exit_code == 1
    assert f": CustomerGauge answered HTTP {status}{more}\n  {do}\n" in told.output
    assert canaries_in(told.output, CANARIES) == []


def test_refused_credentials_erase_nothing_and_anonymise_nobody(stage: Stage) -> None:
    stage.settle()
    parked = stage.park()
    stage.vendor.rotate_secret("another")

    told = stage.run("erase", NAME, *BY_PERSON, *WITH_VENDOR)

    assert told.exit_code == 1
    assert "! Nothing was erased: CustomerGauge issued no token\n" in told.output
    assert told.output.endswith("\nNothing was changed.\n")
    assert (items(stage), stage.parked_ids()) == (1, [parked])
    assert stage.vendor.calls("anonymize") == []


def test_settings_that_lambda_hides_erase_nothing(stage: Stage) -> None:
    stage.settle()
    stage.located.answers["GetFunctionConfiguration"] = {"Environment": {"Error": {"ErrorCode": "AccessDenied"}}}

    told = stage.run("erase", NAME, *BY_KEY, *BY_PERSON, *WITH_VENDOR)

    assert (told.exit_code, items(stage)) == (3, 1)


def test_what_was_erased_is_printed_although_a_later_step_fails(stage: Stage) -> None:
    stage.settle()
    stage.park()
    stage.located.deny("DeleteMessage", "sqs:DeleteMessage")

    told = stage.run("erase", NAME, *BY_KEY, "--yes").output

    assert told.startswith("1 erased  personal-link\n\n! 1 parked stay: hidden by another reader, or not reached\n")
    assert told.endswith("Error: not allowed: sqs:DeleteMessage (docs/policies has all that is needed)\n")
    assert items(stage) == 0


def test_what_was_erased_is_printed_although_customergauge_cannot_be_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.settle()

    def fail(*_: object) -> int:
        raise LookupError

    monkeypatch.setattr(Anonymiser, "_ask", fail)

    told = stage.run("erase", NAME, *BY_KEY, *BY_PERSON, *WITH_VENDOR).output

    assert told.startswith("1 erased  personal-link\n")
    assert "Error: Unexpected LookupError in fail " in told


# Other hosts


@pytest.mark.parametrize(
    ("of_customergauge", "question"),
    [
        ("IMPORTS_BASE_URL", "The token server {} is not CustomerGauge's. Send it the client secret?"),
        ("AUTH_BASE_URL", "The API {} is not CustomerGauge's. Send it an access token and the e-mail addresses?"),
    ],
)
def test_secret_token_and_address_leave_for_another_host_only_when_somebody_says_so(
    stage: Stage, of_customergauge: str, question: str
) -> None:
    stage.settle()
    stage.environment()[of_customergauge] = ""

    told = stage.run("erase", NAME, *BY_KEY, *BY_PERSON, "--vendor", "--yes", typed="n\n")

    assert told.output == f"{question.format(stage.host)} [y/N]: n\nAborted!\n"
    assert (told.exit_code, items(stage), stage.vendor.calls("token")) == (1, 1, [])


def test_whoever_says_yes_twice_has_the_address_sent(stage: Stage) -> None:
    told = stage.run("erase", NAME, *BY_PERSON, "--vendor", "--yes", typed="y\ny\n")

    assert (told.exit_code, len(stage.vendor.calls("anonymize"))) == (0, 1)


def test_json_cannot_ask_about_another_host(stage: Stage) -> None:
    stage.settle()

    told = stage.run("erase", NAME, *BY_KEY, *BY_PERSON, "--vendor", "--yes", "--json")

    line = "Error: --json cannot ask before the client secret goes to another host: add --any-host.\n"
    assert (told.exit_code, told.output, items(stage)) == (2, line, 1)
