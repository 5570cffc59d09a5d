"""A stack's health as it is shown: a section each, which yields what of it needs somebody."""

from collections.abc import Iterator

from rich.console import Console

from operate import health
from operate.duration import in_words
from operate.masking import printable
from operate.screen import table
from operate.stack import Stack


def told(stack: Stack, out: Console) -> Iterator[str]:
    """Show how a stack is; yield what needs somebody, and what to do."""
    out.print(f"{stack.name}: {stack.status}")
    if not stack.status.endswith("_COMPLETE") or "ROLLBACK" in stack.status:
        yield f"The stack is {stack.status}: see its events in CloudFormation."
    for section in (_queues, _functions, _credentials, _alarms):
        yield from section(stack, out)


def _queues(stack: Stack, out: Console) -> Iterator[str]:
    depths = list(health.queue_states(stack))  # before the parked queue is looked through, which hides its messages
    by_code, oldest_parked = health.parked_by_code(stack)
    rows = table("queue", ">waiting", ">in flight", ">delayed", ">oldest")
    for queue in depths:
        age = oldest_parked if queue.name == "parked" else queue.oldest
        oldest = in_words(age) if age is not None else "-"
        rows.add_row(queue.name, str(queue.waiting), str(queue.in_flight), str(queue.delayed), oldest)
    out.print(rows)
    if by_code:
        counted = ", ".join(f"{count} {code}" for code, count in by_code.most_common())
        out.print(f"Parked: {counted}{' (and more)' if by_code.total() == health.LOOKED_AT else ''}")
        yield f"Requests are parked: python -m operate parked list {stack.name}"


def _functions(stack: Stack, out: Console) -> Iterator[str]:
    rows = table("function", ">live version", "state", "last update")
    for function in health.function_states(stack):
        rows.add_row(function.name, function.version, function.state, function.update)
        if "Failed" in {function.state, function.update}:
            yield f"{function.name} is not well: deploy again, or look at it in the Lambda console."
    out.print(rows)
    state = health.intake(stack)
    out.print(f"Queue to worker: {state}")
    if state != "Enabled":
        yield f"The requests queue is not worked: its event source mapping is {state}; enable it."


def _credentials(stack: Stack, out: Console) -> Iterator[str]:
    is_filled, line = health.credentials_state(stack)
    out.print(f"Credentials: {line}")
    if not is_filled:
        yield f"The credentials: python -m operate check {stack.name}"


def _alarms(stack: Stack, out: Console) -> Iterator[str]:
    ringing = list(health.ringing(stack))
    out.print(f"Alarms: {len(ringing)} of {len(stack.of_type('AWS::CloudWatch::Alarm'))} ring")
    for alarm in ringing:
        yield f"{alarm.name}: {printable(alarm.description)}"
