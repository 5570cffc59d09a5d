"""Print a stack's health by section; each section yields things to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from botocore.exceptions import ClientError
from rich.console import Console

from operate import health
from operate.duration import in_words
from operate.failures import denied_action
from operate.masking import printable
from operate.screen import table
from operate.stack import Stack


@dataclass(frozen=True)
class Glance:
    """Read one point after another, and note each point that the user has no permission to see."""

    stack: Stack
    out: Console
    unseen: list[str] = field(default_factory=list)

    def at[T](self, point: str, look: Callable[[Stack], T]) -> T | None:
        """Return the state of a point; None without permission to see it."""
        try:
            return look(self.stack)
        except ClientError as failure:
            action = denied_action(failure)
            if action is None:
                raise
        self.out.print(f"{point}: not allowed: {action}")
        self.unseen.append(point)
        return None


def print_health(glance: Glance) -> Iterator[str]:
    """Print the health of a stack; yield each thing to do."""
    stack = glance.stack
    glance.out.print(f"{stack.name}: {stack.status}")
    if not stack.status.endswith("_COMPLETE") or "ROLLBACK" in stack.status:
        yield f"The stack is {stack.status}: see its events in CloudFormation."
    for section in (_queues, _functions, _credentials, _alarms):
        yield from section(glance)


def _queues(glance: Glance) -> Iterator[str]:
    # First, because reading the parked queue hides its messages.
    depths = [
        state for name in health.QUEUES if (state := glance.at(f"Queue {name}", partial(health.queue_state, name=name)))
    ]
    ages = glance.at("Ages and retries", health.ages)
    parked = glance.at("Parked", health.parked_by_code)
    rows = table("queue", ">waiting", ">in flight", ">delayed", ">oldest")
    for queue in depths:
        age = parked[1] if parked and queue.name == "parked" else ages.oldest.get(queue.name) if ages else None
        oldest = in_words(age) if age is not None else "-"
        rows.add_row(queue.name, str(queue.waiting), str(queue.in_flight), str(queue.delayed), oldest)
    glance.out.print(rows)
    open_requests = next((one.waiting + one.in_flight for one in depths if one.name == "requests"), None)
    if ages and ages.oldest_retry is not None and open_requests != 0:
        number = "some" if open_requests is None else str(open_requests)
        codes = ", ".join(code for code, _count in ages.retries.most_common())
        retries = f"{number} being retried: {codes or 'no code known'}, oldest {in_words(ages.oldest_retry)}"
        glance.out.print(f"Retries: {retries}")
        yield f"{retries}: docs/runbook.md#oldestretry"
    if parked and parked[0]:
        by_code = parked[0]
        counted = ", ".join(f"{count} {code}" for code, count in by_code.most_common())
        glance.out.print(f"Parked: {counted}{' (and more)' if by_code.total() == health.LOOKED_AT else ''}")
        yield f"Requests are parked: python -m operate parked list {glance.stack.name}"


def _functions(glance: Glance) -> Iterator[str]:
    rows = table("function", ">live version", "state", "last update")
    for name in glance.stack.of_type("AWS::Lambda::Function"):
        function = glance.at(name, partial(health.function_state, name=name))
        if function is None:
            continue
        rows.add_row(function.name, function.version, function.state, function.update)
        if "Failed" in {function.state, function.update}:
            yield f"{function.name} failed: deploy again, or look at it in the Lambda console."
    glance.out.print(rows)
    state = glance.at("Queue to worker", health.intake)
    if state is None:
        return
    glance.out.print(f"Queue to worker: {state}")
    if state != "Enabled":
        yield f"The requests queue is not worked: its event source mapping is {state}; enable it."


def _credentials(glance: Glance) -> Iterator[str]:
    state = glance.at("Credentials", health.credentials_state)
    if state is None:
        return
    is_well, line = state
    glance.out.print(f"Credentials: {line}")
    if not is_well:
        yield f"The credentials: python -m operate check {glance.stack.name}"


def _alarms(glance: Glance) -> Iterator[str]:
    ringing = glance.at("Alarms", health.ringing)
    if ringing is not None:
        glance.out.print(f"Alarms: {len(ringing)} of {len(glance.stack.of_type('AWS::CloudWatch::Alarm'))} ring")
        for alarm in ringing:
            yield f"{alarm.name}: {printable(alarm.description)}"
    subscribers = glance.at("Alarm subscribers", health.subscribers)
    if subscribers is not None:
        pending = f", {subscribers.pending} pending confirmation" if subscribers.pending else ""
        confirmed = str(subscribers.confirmed or "none")
        glance.out.print(f"Alarm subscribers: {confirmed}{pending}")
        if subscribers.pending or (glance.stack.parameters.get("AlarmEmail") and not subscribers.confirmed):
            yield "AlarmEmail gets no alarm before it confirms its subscription: docs/runbook.md#who-is-told"
