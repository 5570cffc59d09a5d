"""Put a stack's health together, and tell what needs a person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from botocore.exceptions import ClientError

from operate.health import checks, retries
from operate.parked.queue import AGAIN, HIDDEN_BY_ANOTHER
from operate.send.event_entries import Heard, heard
from operate.stack import Stack
from operate.terminal.duration import in_words
from operate.terminal.failures import denied_action
from operate.terminal.masking import printable
from operate.terminal.options import program
from operate.terminal.screen import Need, now, when

Verdict = Literal["ok", "needs you", "not all seen"]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A point that the user has no permission to see."""

    point: str
    action: str


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a stack. What was not seen is null, or is left out of its list."""

    verdict: Verdict
    needs: list[Need]
    unseen: list[Unseen]
    stack: str
    region: str
    at: str
    status: str
    queues: list[checks.QueueState]
    retries: retries.Retries | None
    parked: checks.Parked | None
    functions: list[checks.FunctionState]
    intake: str | None
    events: Heard
    credentials: checks.Credentials | None
    alarms: int
    ringing: list[checks.Alarm] | None
    subscribers: checks.Subscribers | None


@dataclass(frozen=True)
class Glance:
    """Read one point after another, and note each point that the user has no permission to see."""

    stack: Stack
    unseen: list[Unseen] = field(default_factory=list)

    def at[T](self, point: str, look: Callable[[Stack], T]) -> T | None:
        """Return the state of a point; None without permission to see it."""
        try:
            return look(self.stack)
        except ClientError as failure:
            action = denied_action(failure)
            if action is None:
                raise
        self.unseen.append(Unseen(point, action))
        return None


def read(stack: Stack) -> Health:
    """Return the health of a stack."""
    glance, at = Glance(stack), now()
    # First, because reading the parked queue hides its messages.
    depths = [
        queue for name in checks.QUEUES if (queue := glance.at(f"Queue {name}", partial(checks.queue_state, name=name)))
    ]
    ages = glance.at("Ages", checks.ages) or {}
    pending = glance.at("Retries", partial(retries.pending, now=at))
    parked = glance.at("Parked", partial(checks.parked_by_code, now=at))
    requests = next((queue for queue in depths if queue.name == "requests"), None)
    if pending and requests:  # one may have ended meanwhile
        count = min(pending.count, requests.waiting + requests.in_flight)
        pending = replace(pending, count=count, due=min(pending.due, count)) if count else None
    found = Health(
        verdict="ok",
        needs=[],
        unseen=glance.unseen,
        stack=stack.name,
        region=stack.region,
        at=when(at),
        status=stack.status,
        queues=[_completed(queue, ages.get(queue.name), pending, parked) for queue in depths],
        retries=pending,
        parked=parked,
        functions=[
            state
            for name, function in stack.of_type("AWS::Lambda::Function").items()
            if (state := glance.at(name, partial(checks.function_state, name=name, function=function)))
        ],
        intake=glance.at("Queue to worker", checks.intake),
        events=heard(stack),
        credentials=glance.at("Credentials", checks.credentials_state),
        alarms=len(stack.of_type("AWS::CloudWatch::Alarm")),
        ringing=glance.at("Alarms", checks.ringing),
        subscribers=glance.at("Alarm subscribers", checks.subscribers),
    )
    needs = list(_needs(found, expects_mail=bool(stack.parameters.get("AlarmEmail"))))
    return replace(found, needs=needs, verdict="needs you" if needs else "not all seen" if found.unseen else "ok")


def _completed(
    queue: checks.QueueState, age: int | None, pending: retries.Retries | None, parked: checks.Parked | None
) -> checks.QueueState:
    if queue.name == "parked" and parked:
        age = parked.oldest_seconds
    if queue.name != "requests" or not pending:
        return replace(queue, oldest_seconds=age)
    oldest = max(age or 0, pending.oldest_seconds)  # SQS leaves out what was received three times
    visible = min(pending.due, queue.waiting)  # each message is counted in one column
    in_flight = max(0, queue.in_flight - (pending.count - visible))
    return replace(
        queue, oldest_seconds=oldest, retrying=pending.count, waiting=queue.waiting - visible, in_flight=in_flight
    )


def retry_line(pending: retries.Retries) -> str:
    """Return the retries in words."""
    return f"{pending.count} being retried: {', '.join(pending.codes)}, oldest {in_words(pending.oldest_seconds)}"


def parked_line(parked: checks.Parked) -> str:
    """Return the parked requests in words."""
    counted = ", ".join(f"{count} {code}" for code, count in parked.codes.items())
    return f"{parked.count}{'' if parked.all_read else ' or more'} parked: {counted}"


def hidden_line(found: Health) -> str | None:
    """Return in words that another reader hides the parked requests, if none was read; None if it does not."""
    hidden = next((queue.in_flight for queue in found.queues if queue.name == "parked"), 0)
    return f"{hidden} {HIDDEN_BY_ANOTHER}" if hidden else None


def _parked(found: Health) -> Iterator[Need]:
    if found.parked:
        yield Need(parked_line(found.parked), f"{program()} parked list {found.stack}")
    elif hidden := hidden_line(found):
        yield Need(hidden, AGAIN)


def _needs(found: Health, *, expects_mail: bool) -> Iterator[Need]:
    command, page = program(), "docs/operation.md"
    if not found.status.endswith("_COMPLETE") or "ROLLBACK" in found.status:
        yield Need(f"The stack is {found.status}", "see its events in CloudFormation")
    if found.retries:
        yield Need(retry_line(found.retries), f"{page}#oldestretry")
    yield from _parked(found)
    for function in found.functions:
        if "Failed" in {function.state, function.last_update}:
            yield Need(f"{function.name} failed", "deploy again, or look at it in the Lambda console")
    if found.intake not in {None, "Enabled"}:
        yield Need(f"The event source mapping is {found.intake}: nothing reads the requests queue", "enable it")
    if found.credentials and not found.credentials.is_well:
        yield Need(f"Credentials: {found.credentials.state}", f"{command} check {found.stack}")
    for alarm in found.ringing or ():
        text, at, heading = printable(alarm.text).rpartition(f" {page}#")
        yield Need(f"Alarm {alarm.name}: {text if at else heading}", f"{page}#{heading if at else 'alarms'}")
    told = found.subscribers
    if told and (told.pending or (expects_mail and not told.confirmed)):
        yield Need("AlarmEmail gets no alarm before it confirms its subscription", f"{page}#alarms")
