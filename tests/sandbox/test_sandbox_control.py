"""The sandbox is steered over HTTP."""

import http.client
import json
import time
from typing import get_args

import pytest

from sandbox.customergauge import DuplicateRule
from tests.sandbox.sandbox_client import JOE, Client


def test_calls_are_shown_with_secrets_masked(client: Client) -> None:
    client.put(JOE)
    client.send("POST", "/oauth2/token", json.dumps({"client_secret": client.vendor.client_secret}))
    answer = client.send("GET", "/_sandbox/calls")
    assert answer.json["token"]["count"] == 2
    assert answer.json["personal-link"]["count"] == answer.json["links"] == 1
    assert answer.json["personal-link"]["connections"] == answer.json["token"]["connections"] == 1
    first, second = answer.json["token"]["last"]
    assert first["body"] == "grant_type=client_credentials&client_id=***&client_secret=***"
    assert second["body"] == "***"
    assert answer.json["personal-link"]["last"][0]["headers"]["Authorization"] == "***"
    assert "joe.doe@example.com" in answer.json["personal-link"]["last"][0]["body"]
    shown = answer.body.decode()
    assert client.vendor.client_secret not in shown
    assert client.access_token is not None
    assert client.access_token not in shown


def test_a_script_can_be_posted(client: Client) -> None:
    replies = [
        {"status": 503, "retry_after": 5},
        {"status": 200, "body": {"data": None}, "headers": {"X-Extra": "1"}, "delay": 0.01},
        {"fault": "close", "commit": True},
    ]
    posted = client.control("script", {"endpoint": "personal-link", "replies": replies})
    assert (posted.status, posted.json) == (200, {"scripted": 3})
    down = client.put(JOE)
    assert (down.status, down.headers["Retry-After"], down.json) == (
        503,
        "5",
        {"message": "Service Unavailable"},
    )
    empty = client.put(JOE)
    assert (empty.status, empty.headers["X-Extra"], empty.json) == (200, "1", {"data": None})
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)
    assert len(client.vendor.links) == 1


def test_everything_else_can_be_posted_too(client: Client) -> None:
    client.put(JOE)
    assert client.control("revoke-tokens").status == 200
    assert client.put(JOE).status == 401
    assert client.control("rotate-secret", {"client_secret": "new"}).status == 200
    assert client.vendor.client_secret == "new"
    for rule in get_args(DuplicateRule):
        assert client.control("duplicate-rule", {"rule": rule}).json == {"rule": rule}
        assert client.vendor.duplicate_rule == rule
    assert client.control("reset").status == 200
    assert client.vendor.links == []


def test_the_connections_of_an_endpoint_are_counted(client: Client) -> None:
    client.put(JOE)
    client.put(JOE)
    client.wire.close()
    client.put(JOE)

    counted = client.send("GET", "/_sandbox/calls").json

    assert (counted["personal-link"]["count"], counted["personal-link"]["connections"]) == (3, 2)
    assert (counted["token"]["count"], counted["token"]["connections"]) == (1, 1)


def test_every_answer_of_both_endpoints_takes_the_latency_that_was_set(client: Client) -> None:
    assert client.control("latency", {"seconds": 0.25}).json == {"seconds": 0.25}
    for record in (JOE, {}):  # the first asks for a token too, the second is refused
        started, asked = time.monotonic(), len(client.vendor.calls("token"))
        client.put(record)
        assert time.monotonic() - started >= (0.25 if asked else 0.5)
    client.control("reset")
    assert client.vendor.latency == 0.0


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("script", [], "body"),
        ("script", {"endpoint": "tokens", "replies": []}, "endpoint"),
        ("script", {"endpoint": ["token"], "replies": []}, "endpoint"),
        ("script", {"endpoint": "token"}, "replies"),
        ("script", {"endpoint": "token", "replies": [{}, 5]}, "replies[1]"),
        ("script", {"endpoint": "token", "replies": [{"stauts": 500}]}, "replies[0].stauts"),
        ("script", {"endpoint": "token", "replies": [{"status": "500"}]}, "replies[0].status"),
        ("script", {"endpoint": "token", "replies": [{"status": True}]}, "replies[0].status"),
        ("script", {"endpoint": "token", "replies": [{"status": 99}]}, "replies[0].status"),
        ("script", {"endpoint": "token", "replies": [{"delay": -1}]}, "replies[0].delay"),
        ("script", {"endpoint": "token", "replies": [{"delay": float("nan")}]}, "replies[0].delay"),
        ("script", {"endpoint": "token", "replies": [{"fault": "explode"}]}, "replies[0].fault"),
        ("script", {"endpoint": "token", "replies": [{"headers": {"A": "b\r\nc: d"}}]}, "replies[0].headers"),
        ("script", {"endpoint": "token", "replies": [{"retry_after": "5\n"}]}, "replies[0].retry_after"),
        ("script", {"endpoint": "token", "replies": [{"commit": 1}]}, "replies[0].commit"),
        ("script", {"endpoint": "token", "replies": [{"body": 5}]}, "replies[0].body"),
        ("duplicate-rule", {"rule": "on"}, "rule"),
        ("latency", {"seconds": -1}, "seconds"),
        ("latency", {"seconds": "0.2"}, "seconds"),
        ("latency", {}, "seconds"),
        ("rotate-secret", {}, "client_secret"),
    ],
)
def test_bad_control_input_is_a_400_that_names_it(client: Client, action: str, body: object, named: str) -> None:
    answer = client.control(action, body)
    assert answer.status == 400
    assert answer.json["message"].startswith(f"{named}: ")


def test_an_unknown_control_action_lists_the_known_ones(client: Client) -> None:
    answer = client.control("revoke")
    assert answer.status == 404
    assert "revoke-tokens" in answer.json["message"]
    assert client.send("GET", "/_sandbox/reset").status == 405


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "sandbox.evil.example"}, id="a foreign name of this address"),
        pytest.param({"Host": "127.0.0.1"}, id="another port"),
        pytest.param({"Host": ""}, id="no host"),
        pytest.param({"Origin": "https://evil.example"}, id="a page of another site"),
        pytest.param({"Origin": "null"}, id="a page without an origin"),
    ],
)
@pytest.mark.parametrize(("method", "action"), [("GET", "calls"), ("POST", "reset")])
def test_no_page_of_a_browser_may_steer_it(client: Client, headers: dict[str, str], method: str, action: str) -> None:
    client.put(JOE)

    answer = client.send(method, f"/_sandbox/{action}", headers=headers)

    assert (answer.status, answer.json) == (403, {"message": "Only a program on this machine may control the sandbox."})
    assert len(client.vendor.links) == 1


def test_it_may_be_called_localhost(client: Client) -> None:
    answer = client.send("POST", "/_sandbox/reset", headers={"Host": f"localhost:{client.vendor.port}"})

    assert answer.status == 200
