"""The life of a request: each step with its time, and the texts to copy."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from sandbox.console.journal import Request
from sandbox.console.page_state import reason_parked
from sandbox.console.queues import WHOLE
from sandbox.console.traces import LogLine
from sandbox.customergauge.log import Exchange

TOKENS_SHOWN: Final = 5
_HOW: Final = {
    "http": "PUT /personal-link",
    "eventbridge": "An event; the rule puts it on the requests queue",
    "sqs": "A message on the requests queue",
    "direct": "A direct invocation",
}


@dataclass(frozen=True)
class Step:
    """A step, and when it was, in epoch seconds."""

    at: float
    what: str
    text: str
    kind: str = "quiet"


@dataclass(frozen=True)
class Traces:
    """What is known of a request beside its queue message."""

    calls: Sequence[Exchange]
    tokens: Sequence[Exchange]
    lines: Sequence[LogLine]

    def last_answer(self) -> float:
        """Return when the sandbox had sent its last answer. The function may have read it somewhat earlier."""
        return max((one.began + (one.seconds or 0.0) for one in self.calls), default=0.0)


def life(request: Request, traces: Traces) -> list[dict[str, object]]:
    """Return the steps, oldest first."""
    steps = [
        Step(request.sent_at, "Received", _HOW.get(request.way, request.way)),
        *_tokens(request, traces),
        *_calls(traces),
        *_lines(traces.lines),
        *_end(request, traces),
    ]
    return [asdict(step) for step in sorted(steps, key=lambda step: step.at)]


def texts(request: Request, traces: Traces) -> dict[str, str]:
    """Return the texts of a request by title, without empty ones."""
    answer = "" if request.answer is None else pretty(json.dumps(request.answer.content))
    shown = {
        "Request": pretty(request.content),
        "Answer": answer,
        "Result": pretty(json.dumps(request.result.content)) if request.result else "",
        "Log lines": "\n".join(line.text for line in traces.lines),
    }
    return {name: text for name, text in shown.items() if text and text != "{}"}


def pretty(text: str) -> str:
    """Return JSON indented, and any other text as it is."""
    with suppress(ValueError, RecursionError):
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


def _tokens(request: Request, traces: Traces) -> list[Step]:
    """Return the last token fetches during the request; without one an earlier token serves it."""
    start, end = request.sent_at, request.ended_at
    during = [one for one in traces.tokens if one.began >= start and (end is None or one.began <= end)]
    return [
        Step(one.began, "Token", "CustomerGauge gives a token for all environments", "created")
        if one.status == 200
        else Step(one.began, "Token", f"CustomerGauge refuses a token: {_status(one)}", "rejected")
        for one in during[-TOKENS_SHOWN:]
    ]


def _calls(traces: Traces) -> list[Step]:
    steps: list[Step] = []
    for number, one in enumerate(traces.calls, start=1):
        steps.append(Step(one.began, "Call", f"Attempt {number} at CustomerGauge"))
        if one.seconds is not None:
            kind = "created" if one.status == 200 else "rejected"
            after = f" after {round(one.seconds * 1000)} ms" if one.status else ""
            steps.append(Step(one.began + one.seconds, "Answer", _status(one) + after, kind))
    return steps


def _lines(lines: Sequence[LogLine]) -> list[Step]:
    steps = []
    for line in lines:
        if line.content.get("message") == "retry scheduled":
            wait = line.content.get("wait")
            why = f"{line.content.get('code')}: {line.content.get('detail')}"
            steps.append(Step(line.at, "Retry", f"In {wait} s, because of {why}", "waits"))
    return steps


def _end(request: Request, traces: Traces) -> list[Step]:
    steps = []

    def exactly(at: float) -> float:
        """Return a message's time, which is known in whole seconds, as one that is not before what led to it."""
        lines = (line.at for line in traces.lines if line.at < at + WHOLE)
        return max(at, request.sent_at, traces.last_answer(), *lines)

    if request.result:
        replay = ", a replay" if request.result.replayed else ""
        kind = "created" if request.result.status == "created" else "rejected"
        text = f"{request.result.status}{replay}, on the results queue"
        steps.append(Step(exactly(request.result.sent_at), "Result", text, kind))
    if request.answer:
        text = f"{request.answer.status} {request.answer.code}".strip() if request.answer.status else "none"
        kind = "created" if request.answer.status == 200 else "rejected"
        steps.append(Step(max(request.answer.at, traces.last_answer()), "HTTP answer", text, kind))
    if request.place == "parked" and request.message:
        code, detail = reason_parked(request)
        text = f"{code}: {detail}" if detail else code
        steps.append(Step(exactly(request.message.sent_at), "Parked", text or "on the parked queue", "rejected"))
    return steps


def _status(exchange: Exchange) -> str:
    return "no answer" if exchange.status is None else str(exchange.status)
