"""`make demo`: turn an HTTP call, an event and a queue batch into survey links and results, and check each step."""

import json
import textwrap
import time
from pathlib import Path
from typing import Any

from sandbox import REPOSITORY
from sandbox.aws.emulator import SandboxError
from sandbox.aws.http_caller import HttpReply
from sandbox.aws.stack import Message
from sandbox.environment import Environment, run, running_environment, say

EVENTS = REPOSITORY / "events"


def demo() -> None:
    """Start the environment, try every trigger, and print how long it took."""
    started = time.monotonic()
    with running_environment() as environment:
        try_every_trigger(environment)
    say(f"Every check passed, and everything is stopped again: {time.monotonic() - started:.0f} s.")


def try_every_trigger(environment: Environment) -> None:
    """Send a request by each trigger; raise SandboxError if an outcome is not the expected one."""
    call_over_http(environment)
    send_an_event(environment)
    send_a_batch(environment)
    count_the_calls(environment)


def call_over_http(environment: Environment) -> None:
    """Call without a signature, with one, and again with the same key."""
    say("\n1. HTTP: PUT /personal-link with events/http_put.json")
    body = sample("http_put.json")
    key = {"Idempotency-Key": "ticket-1001"}
    refused = environment.anonymous.send("PUT", body, key)
    expect("the status of an unsigned call", refused.status, 403)
    say(f"   unsigned        {refused.status} {refused.body}")
    answer = environment.caller.send("PUT", body, key)
    link = link_of(answer)
    say(f"   signed          {answer.status} {link}")
    again = environment.caller.send("PUT", body, key)
    expect("the link of the repeated call", link_of(again), link)
    expect("its header Idempotent-Replayed", again.headers.get("idempotent-replayed"), "true")
    expect("the calls to CustomerGauge", len(environment.vendor.calls("personal-link")), 1)
    say(f"   same key again  {again.status} the same link, without a second call to CustomerGauge")
    results = [message.json() for message in take(environment, results=2)]
    expect("the results", [summary(result) for result in results], [f"created ticket-1001 {link}"] * 2)
    say("   The result on the results queue:")
    first = next(result for result in results if not result["replayed"])
    say("\n".join(f"     {line}" for line in wrapped(first)))


def send_an_event(environment: Environment) -> None:
    """Put an event on the bus."""
    say("\n2. EventBridge: events/eventbridge_checkout_completed.json on the event bus")
    entries = json.loads(sample("eventbridge_checkout_completed.json"))
    answer = environment.stack.events.put_events(Entries=entries)
    expect("the events that the bus refused", answer["FailedEntryCount"], 0)
    result = take(environment, results=1)[0].json()
    link = environment.vendor.links[-1].survey_link
    expect("the result", summary(result), f"created order-1002 {link}")
    say(f"   {summary(result)}")


def send_a_batch(environment: Environment) -> None:
    """Send three messages to the requests queue: a good one, an invalid one and a malformed one."""
    say("\n3. SQS: events/sqs_request.json, sqs_refused.json and sqs_malformed.txt on the requests queue")
    bodies = [sample("sqs_request.json"), sample("sqs_refused.json"), sample("sqs_malformed.txt")]
    answer = environment.stack.sqs.send_message_batch(
        QueueUrl=environment.stack.requests_queue_url,
        Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
    )
    expect("the messages that the queue refused", answer.get("Failed", []), [])
    results = [message.json() for message in take(environment, results=2)]
    created, rejected = sorted(results, key=lambda result: result["reference"])
    link = environment.vendor.links[-1].survey_link
    expect("the good request's result", summary(created), f"created call-1003 {link}")
    expect("the bad request's result", summary(rejected).split(":")[0], "rejected call-1004 validation_failed")
    say(f"   {summary(created)}")
    say(f"   {summary(rejected)}")
    parked = environment.stack.parked(1)
    expect("the parked messages", [message.body for message in parked], [bodies[2]])
    attributes = dict(parked[0].attributes)
    expect("the reason of the parked message", attributes["code"], "invalid_request")
    say(f"   parked {attributes['code']}: {attributes['detail']}")


def count_the_calls(environment: Environment) -> None:
    """Check CustomerGauge's calls: one token, however many calls and Lambda environments there are."""
    calls, tokens = environment.vendor.calls("personal-link"), environment.vendor.calls("token")
    expect("the calls to CustomerGauge", len(calls), 4)
    expect("the tokens fetched", len(tokens), 1)
    expect("the messages left on the queues", environment.stack.leftovers(), {})
    say(f"\nCustomerGauge got {len(calls)} calls and issued {len(tokens)} token, shared by all Lambda environments.")


def take(environment: Environment, results: int) -> list[Message]:
    """Take this many results; check that each message's attributes agree with its body."""
    taken = environment.stack.results(results)
    expect("the number of results", len(taken), results)
    for message in taken:
        result = message.json()
        code = result["error"]["code"] if "error" in result else "created"
        wanted = {"status": result["status"], "code": code, "source": result["source"]["type"]}
        expect("a result's attributes", dict(message.attributes), wanted)
    return taken


def link_of(answer: HttpReply) -> str:
    """Return the link in an HTTP answer."""
    expect(f"the status of a signed call ({answer.body[:200]})", answer.status, 200)
    link: str = answer.json()["data"]["survey_link"]
    return link


def summary(result: dict[str, Any]) -> str:
    """Return a result in one line: its status, its reference, and the link or the error."""
    error = result.get("error")
    what = f"{error['code']}: {error['message']}" if error else result["personal_link"]["survey_link"]
    return f"{result['status']} {result.get('reference')} {what}"


def wrapped(result: dict[str, Any]) -> list[str]:
    """Return a result as JSON in lines of at most 110 characters, broken between fields only."""
    fields = json.dumps(result, separators=(",\n", ": ")).splitlines()
    text = " ".join(field.replace(" ", "\xa0") for field in fields)
    lines = textwrap.wrap(text, 110, break_long_words=False, break_on_hyphens=False, subsequent_indent="\xa0")
    return [line.replace("\xa0", " ") for line in lines]


def sample(name: str) -> str:
    """Return one of the sample events."""
    return Path(EVENTS, name).read_text()


def expect(what: str, seen: object, expected: object) -> None:
    """Raise SandboxError unless the value seen is the expected one."""
    if seen != expected:
        raise SandboxError(f"{what}: expected {expected!r}, saw {seen!r}")


if __name__ == "__main__":
    run(demo)
