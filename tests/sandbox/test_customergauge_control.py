"""The sandbox is controlled over HTTP, only by programs on this machine."""

import http.client
import json
import time

import pytest

from tests.sandbox.sandbox_client import JOE, Client


def test_calls_are_shown_with_their_connections_and_secrets_masked(client: Client) -> None:
    client.put(JOE)
    client.send("POST", "/oauth2/token", json.dumps({"client_secret": client.vendor.client_secret}))
    client.wire.close()
    client.put(JOE)

    answer = client.send("GET", "/_sandbox/calls")

    assert (answer.json["token"]["count"], answer.json["token"]["connections"]) == (2, 1)
    assert (answer.json["personal-link"]["count"], answer.json["personal-link"]["connections"]) == (2, 2)
    assert answer.json["links"] == 2
    first, second = answer.json["token"]["last"]
    assert first["body"] == "grant_type=client_credentials&client_id=***&client_secret=***"
    assert second["body"] == "***"
    assert answer.json["personal-link"]["last"][0]["headers"]["Authorization"] == "***"
    assert "joe.doe@example.com" in answer.json["personal-link"]["last"][0]["body"]
    assert client.access_token is not None
    assert [
        secret for secret in (client.vendor.client_secret, client.access_token) if secret in answer.body.decode()
    ] == []


def test_a_posted_script_of_replies_is_played(client: Client) -> None:
    replies = [
        {"status": 503, "retry_after": 5},
        {"status": 200, "body": {"data": None}, "headers": {"X-Extra": "1"}, "delay": 0.01},
        {"fault": "close", "commit": True},
    ]
    posted = client.control("script", {"endpoint": "personal-link", "replies": replies})
    assert (posted.status, posted.json) == (200, {"scripted": 3})
    down = client.put(JOE)
    assert (down.status, down.headers["Retry-After"], down.json) == (503, "5", {"message": "Service Unavailable"})
    empty = client.put(JOE)
    assert (empty.status, empty.headers["X-Extra"], empty.json) == (200, "1", {"data": None})
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)
    assert len(client.vendor.links) == 1


def test_every_other_control_action_can_be_posted(client: Client) -> None:
    client.put(JOE)
    assert client.control("revoke-tokens").status == 200
    assert client.put(JOE).status == 401
    assert client.control("rotate-secret", {"client_secret": "new"}).status == 200
    assert client.vendor.client_secret == "new"
    assert client.control("duplicate-rule", {"rule": "campaign"}).json == {"rule": "campaign"}
    assert client.vendor.duplicate_rule == "campaign"
    assert client.control("fault", {"name": "outage", "on": True}).json == {"name": "outage", "on": True}
    assert "outage" in client.vendor.faults
    assert client.control("reset").status == 200
    assert client.vendor.links == []


def test_a_posted_latency_delays_every_answer_of_both_endpoints(client: Client) -> None:
    assert client.control("latency", {"seconds": 0.25}).json == {"seconds": 0.25}

    started = time.monotonic()
    client.put(JOE)  # asks for a token first

    assert time.monotonic() - started >= 0.5
    client.control("reset")
    assert client.vendor.latency == 0.0


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("script", [], "body"),
        ("script", {"endpoint": ["token"], "replies": []}, "endpoint"),
        ("script", {"endpoint": "token"}, "replies"),
        ("script", {"endpoint": "token", "replies": [{}, 5]}, "replies[1]"),
        ("script", {"endpoint": "token", "replies": [{"stauts": 500}]}, "replies[0].stauts"),
        ("script", {"endpoint": "token", "replies": [{"status": True}]}, "replies[0].status"),
        ("script", {"endpoint": "token", "replies": [{"delay": float("nan")}]}, "replies[0].delay"),
        ("script", {"endpoint": "token", "replies": [{"fault": "explode"}]}, "replies[0].fault"),
        ("script", {"endpoint": "token", "replies": [{"headers": {"A": "b\r\nc: d"}}]}, "replies[0].headers"),
        ("script", {"endpoint": "token", "replies": [{"retry_after": "5\n"}]}, "replies[0].retry_after"),
        ("script", {"endpoint": "token", "replies": [{"commit": 1}]}, "replies[0].commit"),
        ("script", {"endpoint": "token", "replies": [{"body": 5}]}, "replies[0].body"),
        ("duplicate-rule", {"rule": "on"}, "rule"),
        ("fault", {"name": "flood", "on": True}, "name"),
        ("fault", {"name": "outage", "on": 1}, "on"),
        ("latency", {"seconds": -1}, "seconds"),
        ("rotate-secret", {}, "client_secret"),
    ],
)
def test_bad_control_input_is_named_in_a_400_answer(client: Client, action: str, body: object, named: str) -> None:
    answer = client.control(action, body)
    assert answer.status == 400
    assert answer.json["message"].startswith(f"{named}: ")


def test_an_unknown_control_action_lists_the_known_ones(client: Client) -> None:
    answer = client.control("revoke")
    assert answer.status == 404
    assert "revoke-tokens" in answer.json["message"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "sandbox.evil.example"}, id="a foreign host name"),
        pytest.param({"Host": "127.0.0.1"}, id="another port"),
        pytest.param({"Origin": "https://evil.example"}, id="a page of another site"),
        pytest.param({"Origin": "null"}, id="a page without an origin"),
    ],
)
@pytest.mark.parametrize(("method", "action"), [("GET", "calls"), ("POST", "reset")])
def test_a_control_call_from_a_web_page_is_refused(
    client: Client, headers: dict[str, str], method: str, action: str
) -> None:
    answer = client.send(method, f"/_sandbox/{action}", headers=headers)

    assert (answer.status, answer.json) == (403, {"message": "Only a program on this machine may control the sandbox."})


def test_a_control_call_to_localhost_is_accepted(client: Client) -> None:
    answer = client.send("POST", "/_sandbox/reset", headers={"Host": f"localhost:{client.vendor.port}"})

    assert answer.status == 200
