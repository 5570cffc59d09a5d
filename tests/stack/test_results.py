"""Results as events, and links in a ticket, a contact and a case: the examples of docs, deployed beside the stack."""

import json
import threading
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from sandbox import REPOSITORY
from sandbox.aws.stack import Stack
from sandbox.contracts import schema
from tests.stack.conftest import companion
from tests.stack.deployed import queue_for, wait_until

RESULTS, LINK_TO_API = (
    (REPOSITORY / "docs" / "examples" / f"{name}.yaml").read_text() for name in ("results", "link_to_api")
)
SECRETS: Final = {
    "zendesk": {"username": "agent@example.com/token", "password": "api-token"},
    "hubspot": {"token": "pat-eu1-example"},
    "salesforce": {"client_id": "consumer-key", "client_secret": "consumer-secret"},
}
# What the vendors document: docs/request-and-result.md links their pages.
CALLS: Final[dict[str, Any]] = {
    "zendesk": (
        "PUT /api/v2/tickets/35436",
        "Basic " + b64encode(b"agent@example.com/token:api-token").decode(),
        lambda link: {"ticket": {"comment": {"public": False, "body": f"Survey link: {link}"}}},
    ),
    "hubspot": (
        "PATCH /crm/v3/objects/contacts/35436",
        "Bearer pat-eu1-example",
        lambda link: {"properties": {"survey_link": link}},
    ),
    "salesforce": (
        "PATCH /services/data/v67.0/sobjects/Case/35436",
        "Bearer access-token",
        lambda link: {"Survey_Link__c": link},
    ),
}


@dataclass
class System:
    """A stand-in for Zendesk, HubSpot and Salesforce: the calls that it got, and the statuses that it answers next."""

    url: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    system = System()

    class Api(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            system.calls.append((f"{self.command} {self.path}", self.headers["Authorization"], json.loads(body)))
            self.send_response(system.answers.pop(0) if system.answers else 200)
            self.end_headers()

        do_PATCH = do_PUT  # noqa: N815  # http.server wants this name

        def do_POST(self) -> None:
            system.tokens.append(self.path + " " + self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"access_token": "access-token", "token_type": "Bearer"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever).start()
        system.url = f"http://127.0.0.1:{server.server_port}"
        yield system
        server.shutdown()


@dataclass(frozen=True)
class Examples:
    """The deployed examples."""

    stack: Stack
    system: System
    heard: str  # URL of a queue with the bus's events
    undelivered: dict[str, str]  # URL of each system's queue

    def deliver(self, *results: dict[str, Any]) -> None:
        """Put results on the results queue, and wait until the consumer has taken them."""
        for result in results:
            self.stack.sqs.send_message(QueueUrl=self.stack.results_queue_url, MessageBody=json.dumps(result))
        wait_until(lambda: self.stack.depth(self.stack.results_queue_url) == 0)

    def events(self, count: int, within: float = 30) -> list[dict[str, Any]]:
        """Take events of the bus."""
        return [message.json() for message in self.stack.take(self.heard, count, within)]


@pytest.fixture(scope="module")
def examples(stack: Stack, system: System) -> Iterator[Examples]:
    """Deploy the consumer, and each system's rule for the results of an inbound mapping of the system's name."""
    undelivered: dict[str, str] = {}
    with ExitStack() as deployed:
        parameters = {"ResultsQueueUrl": stack.results_queue_url}
        deployed.enter_context(companion(stack, "results", RESULTS, parameters))
        for name, secret in SECRETS.items():
            stack.secretsmanager.create_secret(Name=f"links/{name}", SecretString=json.dumps(secret))
            parameters = {"System": name, "Configuration": name, "BaseUrl": system.url, "SecretName": f"links/{name}"}
            undelivered[name] = deployed.enter_context(companion(stack, name, LINK_TO_API, parameters))
        heard, arn = queue_for(stack, "heard", "events")
        stack.events.put_rule(Name="heard", EventPattern='{"source": ["personal-link"]}')
        stack.events.put_targets(Rule="heard", Targets=[{"Id": "heard", "Arn": arn}])
        yield Examples(stack, system, heard, undelivered)


def a_result(status: str, **changed: object) -> dict[str, Any]:
    """Return an example of the schema, of that status, with an id of its own."""
    [example, *_] = [result for result in schema("result")["examples"] if result["status"] == status]
    return {**deepcopy(example), "id": str(uuid.uuid4()), **changed}


@pytest.mark.parametrize("status", ["Created", "Rejected", "Unknown"])
def test_a_result_is_an_event_named_by_its_status(examples: Examples, status: str) -> None:
    result = a_result(status.lower())

    examples.deliver(result)

    [event] = examples.events(1)
    named = {"source": "personal-link", "detail-type": f"Personal Link {status}", "detail": result}
    assert {name: event[name] for name in named} == named


def test_a_result_that_comes_again_is_one_event_and_a_link_after_another_status_is_an_event_too(
    examples: Examples,
) -> None:
    unknown = a_result("unknown")
    created = a_result("created", id=unknown["id"])

    for result in (unknown, {**unknown, "replayed": True}, created, {**created, "replayed": True}):
        examples.deliver(result)

    assert [event["detail"] for event in examples.events(3, within=4)] == [unknown, created]


def test_a_result_that_is_too_large_for_an_event_is_sent_without_what_the_caller_sent(examples: Examples) -> None:
    result = a_result("rejected", record={"Notes": "n" * 1_000_000})

    examples.deliver(result)

    [event] = examples.events(1)
    small = {key: value for key, value in result.items() if key != "record"}
    assert event["detail"] == {**small, "error": {key: small["error"][key] for key in ("code", "message")}}


@pytest.mark.parametrize("name", CALLS)
def test_a_link_gets_into_the_system(examples: Examples, name: str) -> None:
    call, authorization, body = CALLS[name]
    link = "https://survey.example.com/r/9?a={1}&b=<link>%22"
    result = a_result("created", configuration=name, reference="35436")
    result["personal_link"]["survey_link"] = link

    examples.deliver(result)

    wait_until(lambda: examples.system.calls)
    assert examples.system.calls == [(call, authorization, body(link))]
    assert examples.stack.depth(examples.undelivered[name]) == 0
    if name == "salesforce":
        form = "grant_type=client_credentials&client_id=consumer-key&client_secret=consumer-secret"
        assert examples.system.tokens == [f"/services/oauth2/token {form}"]


@pytest.mark.parametrize(
    ("name", "reference", "status"),
    [
        ("zendesk", "1", 503),
        ("hubspot", "1", 404),
        ("salesforce", "1", 400),
        *(("zendesk", reference, 0) for reference in (None, "1/../users/2", "1?idProperty=email", "1#")),
    ],
)
def test_a_link_that_the_system_does_not_take_or_that_has_no_id_is_kept(
    examples: Examples, name: str, reference: str | None, status: int
) -> None:
    result = a_result("created", configuration=name, reference=reference)
    if reference is None:
        del result["reference"]
    examples.system.answers[:] = [status] if status else []

    examples.deliver(result)

    [kept] = examples.stack.take(examples.undelivered[name], 1)
    assert kept.json()["detail"] == result
    assert bool(examples.system.calls) == bool(status)


@pytest.mark.parametrize("other", [{"status": "rejected"}, {"status": "created", "configuration": "another"}])
def test_what_is_no_link_of_the_mapping_changes_nothing_in_the_system(
    examples: Examples, other: dict[str, str]
) -> None:
    examples.deliver(a_result(**{"configuration": "zendesk", **other}))

    assert len(examples.events(1)) == 1
    assert examples.system.calls == []
    assert examples.stack.depth(examples.undelivered["zendesk"]) == 0


@pytest.fixture(autouse=True)
def afresh(examples: Examples) -> Iterator[None]:
    """Forget the calls and the events of a test."""
    yield
    examples.system.calls.clear()
    examples.stack.sqs.purge_queue(QueueUrl=examples.heard)
