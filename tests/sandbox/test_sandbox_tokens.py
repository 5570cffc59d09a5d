"""The sandbox gives out tokens, and lets in only those who hold one."""

import json
import time
from urllib.parse import urlencode

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from tests.sandbox.sandbox_client import FORM, JOE, Client


def test_credentials_in_a_form_buy_a_token(client: Client) -> None:
    answer = client.ask_token()
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 3600
    assert answer.json["access_token"] != client.ask_token().json["access_token"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
    ],
)
def test_a_wrong_token_request_is_a_400_with_its_error(client: Client, changes: dict[str, str], error: str) -> None:
    answer = client.ask_token(**changes)
    assert (answer.status, answer.json) == (400, {"error": error})


def test_a_json_token_request_is_invalid(client: Client) -> None:
    credentials = {"client_id": client.vendor.client_id, "client_secret": client.vendor.client_secret}
    body = json.dumps({"grant_type": "client_credentials", **credentials})
    answer = client.send("POST", "/oauth2/token", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json) == (400, {"error": "invalid_request"})


def test_credentials_in_the_query_string_do_not_count(client: Client) -> None:
    query = urlencode({"client_id": client.vendor.client_id, "client_secret": client.vendor.client_secret})
    form = "grant_type=client_credentials"
    answer = client.send("POST", f"/oauth2/token?{query}", form, {"Content-Type": FORM})
    assert (answer.status, answer.json) == (400, {"error": "invalid_client"})


def test_another_verb_on_the_token_endpoint_is_an_empty_405(client: Client) -> None:
    answer = client.send("GET", "/oauth2/token")
    assert (answer.status, answer.body) == (405, b"")


def test_a_rotated_secret_is_the_only_one_that_works(client: Client) -> None:
    old = client.vendor.client_secret
    assert client.put(JOE).status == 200
    client.vendor.rotate_secret("the new one")
    assert client.ask_token(client_secret=old).json == {"error": "invalid_client"}
    assert client.ask_token(client_secret="the new one").status == 200
    assert client.put(JOE).status == 200  # a token lives on


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer made-up", "Basic am9lOmRvZQ=="])
def test_without_a_good_token_it_is_a_401(client: Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = client.send("PUT", "/personal-link/", "{}", headers)
    assert (answer.status, answer.json) == (401, {"message": "Unauthenticated."})


def test_a_revoked_token_is_a_401_and_a_fresh_one_works(client: Client) -> None:
    assert client.put(JOE).status == 200
    client.vendor.revoke_tokens()
    assert client.put(JOE).status == 401
    client.access_token = None
    assert client.put(JOE).status == 200


def test_a_token_expires() -> None:
    with CustomerGaugeSandbox(token_lifetime=0.05) as vendor:
        client = Client(vendor)
        headers = client.headers()
        time.sleep(0.06)
        assert client.send("PUT", "/personal-link/", "{}", headers).status == 401
        client.wire.close()
