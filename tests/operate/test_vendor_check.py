"""The check: is the secret filled in, is it accepted, is CustomerGauge there; each step says what to do."""

from sandbox.vendor_replies import Reply
from tests.aws.account import CLIENT_SECRET
from tests.operate.stage import NAME, Stage


def test_good_credentials_are_good_and_no_survey_record_is_made(stage: Stage) -> None:
    checked = stage.run("check", NAME)

    host = stage.vendor.base_url.removeprefix("http://")
    assert checked.exit_code == 0
    assert checked.output.splitlines() == [
        "ok  The secret is readable and filled in",
        f"ok  The token server {host} grants a token for 3600 s, which is thrown away",
        f"ok  The API {host} answers without TLS, as on this machine (HTTP 200)",
    ]
    assert len(stage.vendor.calls("token")) == 1
    assert stage.vendor.calls("personal-link") == []


def test_an_empty_secret_is_told_and_no_token_is_asked_for(stage: Stage) -> None:
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString="{}")

    checked = stage.run("check", NAME)

    assert checked.exit_code == 1
    assert [line[:3] for line in checked.output.splitlines()] == ["BAD", "ok "]
    assert checked.output.splitlines()[0].endswith(
        "has no client_id: fill it in: aws secretsmanager put-secret-value, as in README.md"
    )
    assert stage.vendor.calls("token") == []


def test_refused_credentials_are_told_and_not_shown(stage: Stage) -> None:
    stage.vendor.rotate_secret("another")

    checked = stage.run("check", NAME)

    assert checked.exit_code == 1
    assert checked.output.splitlines()[1].startswith("BAD The token server 127.0.0.1:")
    assert checked.output.splitlines()[1].endswith(
        "it refuses the client id or secret: compare the secret with the Connected App in CustomerGauge"
    )
    assert CLIENT_SECRET not in checked.output


def test_a_token_server_that_is_down_is_told(stage: Stage) -> None:
    stage.vendor.script("token", Reply.error(503))

    assert "the token server answered HTTP 503: look at the network" in stage.run("check", NAME).output


def test_a_vendor_that_is_not_there_is_told(stage: Stage) -> None:
    stage.vendor.stop()

    checked = stage.run("check", NAME)

    assert [line[:3] for line in checked.output.splitlines()] == ["ok ", "BAD", "BAD"]
    assert checked.output.splitlines()[2].endswith(
        "no connection (NewConnectionError): look at the network between here and there"
    )
