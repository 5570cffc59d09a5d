"""`make demo`: an HTTP call, an event and a queue batch become survey links and results, each checked on the way."""

import json
import time
from pathlib import Path
from typing import Any

from sandbox.emulator import REPOSITORY, SandboxError
from sandbox.environment import Scene, run, say, set_scene
from sandbox.http_caller import HttpReply
from sandbox.stack import Message

EVENTS = REPOSITORY / "events"


def demo() -> None:
    """Set the scene, go through it, and say how long it took."""
    started = time.monotonic()
    with set_scene() as scene:
        walk(scene)
    say(f"\nEverything was as expected, and everything is stopped again: {time.monotonic() - started:.0f} s.")


def walk(scene: Scene) -> None:
    """Go through every way in; raise SandboxError where an outcome is not the expected one."""
    call_over_http(scene)
    send_an_event(scene)
    send_a_batch(scene)
    count_the_calls(scene)


def call_over_http(scene: Scene) -> None:
    """Call without and with a signature, then once more with the same key."""
    say("\n1. An HTTP call: PUT /personal-link with events/http_put.json")
    body = sample("http_put.json")
    key = {"Idempotency-Key": "ticket-1001"}
    refused = scene.anonymous.send("PUT", body, key)
    expect("the status of an unsigned call", refused.status, 403)
    say(f"   unsigned              {refused.status} {refused.body}")
    answer = scene.caller.send("PUT", body, key)
    link = link_of(answer)
    say(f"   signed                {answer.status} {link}")
    again = scene.caller.send("PUT", body, key)
    expect("the link of the same call again", link_of(again), link)
    expect("its header Idempotent-Replayed", again.headers.get("idempotent-replayed"), "true")
    expect("the calls to CustomerGauge", len(scene.vendor.calls("personal-link")), 1)
    say(f"   the same call again   {again.status} the same link, and no second call to CustomerGauge")
    results = [message.json() for message in take(scene, results=2)]
    expect("the results", [summary(result) for result in results], [f"created ticket-1001 {link}"] * 2)
    say("   its result on the results queue, as your consumer gets it:")
    first = next(result for result in results if not result["replayed"])
    say("\n".join(f"     {line}" for line in json.dumps(first, indent=2).splitlines()))


def send_an_event(scene: Scene) -> None:
    """Put an event on the bus."""
    say("\n2. An event: events/eventbridge_checkout_completed.json on the event bus")
    entries = json.loads(sample("eventbridge_checkout_completed.json"))
    answer = scene.stack.events.put_events(Entries=entries)
    expect("the events that the bus refused", answer["FailedEntryCount"], 0)
    result = take(scene, results=1)[0].json()
    link = scene.vendor.links[-1].survey_link
    expect("the result", summary(result), f"created order-1002 {link}")
    say(f"   {summary(result)}")


def send_a_batch(scene: Scene) -> None:
    """Send three messages to the requests queue, two of which are of no use."""
    say("\n3. A batch on the requests queue: events/sqs_request.json, sqs_refused.json and sqs_malformed.txt")
    bodies = [sample("sqs_request.json"), sample("sqs_refused.json"), sample("sqs_malformed.txt")]
    answer = scene.stack.sqs.send_message_batch(
        QueueUrl=scene.stack.requests_queue_url,
        Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
    )
    expect("the messages that the queue refused", answer.get("Failed", []), [])
    created, rejected = sorted((message.json() for message in take(scene, results=2)), key=lambda one: one["reference"])
    link = scene.vendor.links[-1].survey_link
    expect("the good request's result", summary(created), f"created call-1003 {link}")
    expect("the bad request's result", summary(rejected).split(":")[0], "rejected call-1004 validation_failed")
    say(f"   {summary(created)}")
    say(f"   {summary(rejected)}")
    parked = scene.stack.parked(1)
    expect("the parked messages", [message.body for message in parked], [bodies[2]])
    attributes = dict(parked[0].attributes)
    expect("the reason of the parked message", attributes["code"], "invalid_request")
    say(f"   parked, unchanged     {attributes['code']}: {attributes['detail']} (attempts: {attributes['attempts']})")


def count_the_calls(scene: Scene) -> None:
    """Compare what CustomerGauge saw: one token, however many calls and Lambda environments there are."""
    calls, tokens = scene.vendor.calls("personal-link"), scene.vendor.calls("token")
    expect("the calls to CustomerGauge", len(calls), 4)
    expect("the tokens fetched", len(tokens), 1)
    expect("the messages left on the queues", scene.stack.leftovers(), {})
    say(f"\nCustomerGauge saw {len(calls)} calls and gave {len(tokens)} token, which all Lambda environments share.")


def take(scene: Scene, results: int) -> list[Message]:
    """Take that many results, each with attributes that say what its body says."""
    taken = scene.stack.results(results)
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
    """Return a result in a line: its status, whose it is, and the link or the reason."""
    error = result.get("error")
    what = f"{error['code']}: {error['message']}" if error else result["personal_link"]["survey_link"]
    return f"{result['status']} {result.get('reference')} {what}"


def sample(name: str) -> str:
    """Return one of the sample events."""
    return Path(EVENTS, name).read_text()


def expect(what: str, seen: object, expected: object) -> None:
    """Stop the demo unless what was seen is what was expected."""
    if seen != expected:
        raise SandboxError(f"{what}: expected {expected!r}, saw {seen!r}")


if __name__ == "__main__":
    run(demo)
