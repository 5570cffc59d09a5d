"""The sandbox is controlled over HTTP, only by programs on this machine."""

import time

import pytest

from tests.sandbox.sandbox_client import JOE, Client


def test_calls_and_links_are_counted(client: Client) -> None:
    client.put(JOE)

    assert client.send("GET", "/_sandbox/calls").json == {
        "token": {"count": 1},
        "personal-link": {"count": 1},
        "links": 1,
    }


def test_a_posted_latency_delays_every_answer_of_both_endpoints(client: Client) -> None:
    assert client.control("latency", {"seconds": 0.25}).json == {"seconds": 0.25}

    started = time.monotonic()
    client.put(JOE)  # asks for a token first

    assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "sandbox.evil.example"}, id="a foreign host name"),
        pytest.param({"Host": "127.0.0.1"}, id="another port"),
        pytest.param({"Origin": "https://evil.example"}, id="a page of another site"),
        pytest.param({"Origin": "null"}, id="a page without an origin"),
    ],
)
@pytest.mark.parametrize(("method", "action"), [("GET", "calls"), ("POST", "latency")])
def test_a_control_call_from_a_web_page_is_refused(
    client: Client, headers: dict[str, str], method: str, action: str
) -> None:
    answer = client.send(method, f"/_sandbox/{action}", headers=headers)

    assert (answer.status, answer.json) == (403, {"message": "Only a program on this machine may control the sandbox."})


def test_a_control_call_to_localhost_is_accepted(client: Client) -> None:
    answer = client.send("POST", "/_sandbox/latency", '{"seconds": 0}', {"Host": f"localhost:{client.vendor.port}"})

    assert answer.status == 200
