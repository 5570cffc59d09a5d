"""The life of a request: each step with its time, and the texts to copy."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.console.journal import Request
from sandbox.console.logs import LogLine
from sandbox.console.outcomes import seconds_of
from sandbox.console.page_state import reason_parked
from sandbox.console.preview import Preview
from sandbox.console.queues import WHOLE
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
    """A step; `at` is None for what holds now."""

    at: float | None
    what: str
    text: str
    kind: str = "quiet"


@dataclass(frozen=True)
class Traces:
    """What is known of a request beside its queue message."""

    calls: Sequence[Exchange]
    tokens: Sequence[Exchange]
    lines: Sequence[LogLine]
    item: Mapping[str, Any] | None  # of the ledger
    shared: bool  # another request with the same record is on its way, too

    def last_answer(self) -> float:
        """Return when the sandbox had sent its last answer. The function may have read it somewhat earlier."""
        return max((one.began + (one.seconds or 0.0) for one in self.calls), default=0.0)


def life(request: Request, traces: Traces) -> list[dict[str, object]]:
    """Return the steps, oldest first."""
    steps = [
        *_received(request),
        *_tokens(request, traces),
        *_calls(traces),
        *_lines(traces.lines),
        *_ledger(request, traces),
        *_end(request, traces),
    ]
    steps.sort(key=lambda step: float("inf") if step.at is None else step.at)  # stable: in the order above
    return [asdict(step) for step in steps]


def texts(request: Request, preview: Preview, traces: Traces) -> dict[str, str]:
    """Return the texts of a request by title, without empty ones."""
    answer = "" if request.answer is None else pretty(json.dumps(request.answer.content))
    becomes = pretty(json.dumps(preview.request)) if preview.request else preview.problem
    made = pretty(request.content)
    shown = {
        "Request": made,
        "What it becomes": becomes if made and becomes != made else "",
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


def _received(request: Request) -> list[Step]:
    return [Step(request.sent_at, "Received", _HOW.get(request.way, request.way))]


def _tokens(request: Request, traces: Traces) -> list[Step]:
    """Return the token fetches during the request, or the earlier one that serves its first call."""
    start, end = request.sent_at, request.ended_at
    during = [one for one in traces.tokens if one.began >= start and (end is None or one.began <= end)]
    steps = [
        Step(one.began, "Token", "CustomerGauge gives a token for all environments", "created")
        if one.status == 200
        else Step(one.began, "Token", f"CustomerGauge refuses a token: {_status(one)}", "rejected")
        for one in during[-TOKENS_SHOWN:]
    ]
    if traces.calls and not any(one.began <= traces.calls[0].began for one in during):
        kept = [one for one in traces.tokens if one.status == 200 and one.began <= traces.calls[0].began]
        if kept:
            since = datetime.fromtimestamp(kept[-1].began).astimezone().strftime("%H:%M:%S")
            steps.append(Step(traces.calls[0].began, "Token", f"The shared token of {since}"))
    return steps


def _calls(traces: Traces) -> list[Step]:
    steps: list[Step] = []
    also = "; an identical request was on its way, too" if traces.shared else ""
    for number, one in enumerate(traces.calls, start=1):
        steps.append(Step(one.began, "Call", f"Attempt {number} at CustomerGauge{also}"))
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


def _ledger(request: Request, traces: Traces) -> list[Step]:
    item = traces.item
    if item is None:
        return []
    attempts, unanswered = (int(item.get(name, {}).get("N", 0)) for name in ("attempts", "unanswered"))
    if item.get("state", {}).get("S") == "settled":
        until = datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC).strftime("%Y-%m-%d %H:%M UTC")
        text = f"The outcome is stored; a repeat of the key gets it until {until}"
        outcome = json.loads(item.get("outcome", {}).get("S", "{}"))
        at = seconds_of(outcome.get("completed_at")) or request.sent_at
        return [Step(max(at, traces.last_answer()), "Ledger", text, "created")]
    text = f"{attempts} {'attempt' if attempts == 1 else 'attempts'}, {unanswered} without an answer"
    return [Step(None, "Ledger", f"{text}; {'one in flight' if 'owner' in item else 'none in flight'}", "waits")]


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
