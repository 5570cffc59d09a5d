"""The state of the page: the sum, and the rows of the list."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.console.journal import Journal, Place, Request

LOST_AFTER: Final = 30.0  # seconds until a request without a place counts as missing
LONGEST_TEXT: Final = 300
MOST_ROWS: Final = 500
GROUPS: Mapping[Place, str] = {
    "under way": "waiting",
    "waiting": "waiting",
    "parked": "parked",
    "answered": "errors",
    "result": "results",
}
_MAY_RETRY: Final = frozenset({409, 429, 500, 502, 503, 504})

LastRetry = Callable[[str], Mapping[str, Any]]


def page_state(journal: Journal, last_retry: LastRetry, now: float) -> dict[str, object]:
    """Return the sum and the newest rows.

    `last_retry` returns the log line about a message's last retry.
    """
    counts = Counter(one.place for one in journal.requests)
    missing = sum(one.place == "under way" and _is_late(one, now) for one in journal.requests)
    return {
        "now": now,
        "counts": {
            "all": len(journal.requests),
            "results": counts["result"],
            "waiting": counts["waiting"] + counts["under way"] - missing,
            "parked": counts["parked"],
            "errors": counts["answered"],
            "missing": missing,
        },
        "rows": [_row(one, last_retry, now) for one in journal.requests[: -MOST_ROWS - 1 : -1]],
    }


def _row(request: Request, last_retry: LastRetry, now: float) -> dict[str, object]:
    return {
        "key": request.key,
        "group": GROUPS[request.place],
        "title": _short(request.reference or request.label),
        "label": _short(request.label),
        "sent_at": request.sent_at,
        **_badge(request, last_retry, now),
    }


def reason_parked(request: Request) -> tuple[str, str]:
    """Return code and detail of a parked message; EventBridge and Lambda park with attributes of their own."""
    attributes = request.message.attributes if request.message else {}
    code = attributes.get("code") or attributes.get("ERROR_CODE") or attributes.get("ErrorCode", "")
    detail = attributes.get("detail") or attributes.get("ERROR_MESSAGE") or attributes.get("ErrorMessage", "")
    return _short(code), _short(detail)


def _badge(request: Request, last_retry: LastRetry, now: float) -> dict[str, object]:
    if request.place == "result" and request.result:
        result = request.result
        error = result.content.get("error") or {}
        words = _in_words(str(error.get("message", "")), error.get("errors") or {}) if error else ""
        same = result.status == result.code
        badge = result.status if same else f"{result.status}: {result.code}"
        note = "replay of the first outcome" if result.replayed else ""
        kind = result.status if result.status in {"created", "rejected", "unknown"} else "quiet"
        return {"kind": kind, "badge": _short(badge), "words": _short(words), "note": note, "link": result.link}
    if request.place == "parked":
        code, detail = reason_parked(request)
        return {"kind": "rejected", "badge": f"parked: {code}" if code else "parked", "words": detail}
    if request.place == "answered" and request.answer:
        answer = request.answer
        words = _in_words(str(answer.content.get("message", "")), answer.content.get("errors") or {})
        badge = f"{answer.status} {_short(answer.code)}".strip() if answer.status else "no answer"
        note = "the caller may retry with the same key" if answer.status in _MAY_RETRY or not answer.status else ""
        return {"kind": "rejected", "badge": badge, "words": _short(words), "note": note}
    return _waiting(request, last_retry, now)


def _waiting(request: Request, last_retry: LastRetry, now: float) -> dict[str, object]:
    message = request.message if request.place == "waiting" else None
    if message is None:
        if _is_late(request, now):
            words = "Another consumer took it, or no rule matches the event."
            return {"kind": "rejected", "badge": "missing", "words": words}
        return {"kind": "quiet", "badge": "being answered" if request.way == "http" else "in transit", "words": ""}
    retry = last_retry(message.id)
    in_hand = message.in_hand(now)
    return {
        "kind": "waits" if retry else "quiet",
        "badge": _short(str(retry["code"])) if retry else "in flight" if in_hand else "new",
        "words": _short(str(retry.get("detail") or "")),
        "tries": message.receives,
        "in_flight": in_hand,
        "next_try": message.visible_at if message.receives and not in_hand else None,
    }


def _is_late(request: Request, now: float) -> bool:
    return now - request.seen_at > LOST_AFTER and not (request.way == "http" and not request.answer)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


def _in_words(message: str, errors: Mapping[str, Any]) -> str:
    """Return an error with its fields in one line, without a message that only repeats a field's."""
    fields = [f"{name}: {'; '.join(map(str, texts))}" for name, texts in errors.items()]
    repeats = any(str(text) in message for texts in errors.values() for text in texts)
    return " ".join(fields if repeats else [message, *fields])
