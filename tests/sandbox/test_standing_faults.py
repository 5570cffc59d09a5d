"""A fault that stands answers every call until it is switched off, and every call is noted with its answer."""

import http.client
import time

import pytest

from sandbox.vendor_replies import Reply
from tests.sandbox.sandbox_client import JOE, Client


def test_an_outage_refuses_links_and_tokens_until_it_is_over(client: Client) -> None:
    client.headers()
    client.vendor.faults.switch("outage", on=True)

    answers = [client.put(JOE), client.put(JOE), client.ask_token()]
    client.vendor.faults.switch("outage", on=False)

    assert [(answer.status, answer.headers["Retry-After"]) for answer in answers] == [(503, "2")] * 3
    assert client.put(JOE).status == 200
    assert len(client.vendor.links) == 1


def test_a_rate_limit_is_one_of_links_alone(client: Client) -> None:
    client.vendor.faults.switch("rate-limit", on=True)

    assert client.ask_token().status == 200
    answer = client.put(JOE)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


def test_a_lost_answer_leaves_the_record_behind(client: Client) -> None:
    client.vendor.faults.switch("lost-answers", on=True)

    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)

    assert len(client.vendor.links) == 1


def test_of_several_faults_the_outage_answers(client: Client) -> None:
    client.headers()
    for name in ("lost-answers", "rate-limit", "outage"):
        client.vendor.faults.switch(name, on=True)

    assert client.put(JOE).status == 503


def test_a_script_goes_before_a_standing_fault(client: Client) -> None:
    client.headers()
    client.vendor.faults.switch("outage", on=True)
    client.vendor.script("personal-link", Reply.html(502))

    assert [client.put(JOE).status for _ in range(2)] == [502, 503]


def test_a_reset_ends_all_faults(client: Client) -> None:
    client.vendor.faults.switch("outage", on=True)
    client.vendor.reset()

    assert "outage" not in client.vendor.faults
    assert client.put(JOE).status == 200


def test_a_fault_can_be_switched_over_http(client: Client) -> None:
    client.headers()
    assert client.control("fault", {"name": "outage", "on": True}).json == {"name": "outage", "on": True}
    assert client.put(JOE).status == 503
    assert client.control("fault", {"name": "outage", "on": False}).status == 200
    assert client.put(JOE).status == 200


@pytest.mark.parametrize(
    ("body", "named"), [({"name": "flood", "on": True}, "name"), ({"name": "outage", "on": 1}, "on")]
)
def test_a_switch_that_there_is_not_is_a_400_that_names_it(client: Client, body: object, named: str) -> None:
    answer = client.control("fault", body)

    assert answer.status == 400
    assert answer.json["message"].startswith(f"{named}: ")


def test_every_call_is_noted_with_its_answer_and_how_long_it_took(client: Client) -> None:
    client.vendor.script("personal-link", Reply(delay=0.2), Reply.error(503), Reply(fault="close"))
    client.put(JOE)
    client.put(JOE)
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)

    noted = client.vendor.exchanges()
    while noted[-1].seconds is None:  # noted only after the connection is closed
        time.sleep(0.01)
    assert [(one.endpoint, one.status) for one in noted] == [
        ("token", 200),
        ("personal-link", 200),
        ("personal-link", 503),
        ("personal-link", None),
    ]
    assert noted[1].seconds is not None
    assert 0.2 <= noted[1].seconds < 2
