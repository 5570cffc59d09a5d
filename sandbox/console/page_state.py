"""The state of the page: the sum, the rows of the list, and CustomerGauge's last calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sandbox.console.calls import Calls
from sandbox.console.journal import Journal, Request
from sandbox.console.preview import in_words
from sandbox.customergauge.server import CustomerGaugeSandbox

CALLS_SHOWN: Final = 15
LOST_AFTER: Final = 30.0  # seconds until a request without a place counts as missing
LONGEST_TEXT: Final = 300
FILTERS: Mapping[str, frozenset[str]] = {
    "all": frozenset({"under way", "waiting", "parked", "answered", "result"}),
    "waiting": frozenset({"under way", "waiting"}),
    "parked": frozenset({"parked"}),
    "errors": frozenset({"answered"}),
    "results": frozenset({"result"}),
}
_MAY_RETRY: Final = frozenset({409, 429, 500, 502, 503, 504})

LastRetry = Callable[[str], Mapping[str, Any]]


def page_state(journal: Journal, last_retry: LastRetry, now: float, show: str, most: int) -> dict[str, object]:
    """Return the sum and the newest rows of a filter.

    `last_retry` returns the log line about a message's last retry.
    """
    counts = journal.counts()
    missing = sum(one.place == "under way" and _is_late(one, now) for one in journal.requests)
    rows = [one for one in reversed(journal.requests) if one.place in FILTERS[show]]
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
        "show": show,
        "rows": [row(one, last_retry, now) for one in rows[:most]],
        "more": max(0, len(rows) - most),
    }


def vendor_state(vendor: CustomerGaugeSandbox, calls: Calls, requests: Sequence[Request]) -> dict[str, object]:
    """Return CustomerGauge's counts and last calls, the last one first."""
    exchanges = calls.all()
    shown = []
    for one in exchanges[: -CALLS_SHOWN - 1 : -1]:
        request = next(iter(calls.requests_of(one, requests)), None)
        shown.append(
            {
                "key": f"call-{one.number}",
                "what": "token" if one.endpoint == "token" else "link",
                "request": request and request.key,
                "title": request and title(request),
                "began": one.began,
                "status": one.status,
                "milliseconds": None if one.seconds is None else round(one.seconds * 1000),
            }
        )
    return {
        "calls": len(exchanges),
        "tokens": sum(one.endpoint == "token" and one.status == 200 for one in exchanges),
        "records": len(vendor.links),
        "last": shown,
    }


def row(request: Request, last_retry: LastRetry, now: float) -> dict[str, object]:
    """Return a request's row."""
    return {
        "key": request.key,
        "title": title(request),
        "way": request.way,
        "label": _short(request.label),
        "sent_at": request.sent_at,
        **_badge(request, last_retry, now),
    }


def title(request: Request) -> str:
    """Return the reference, or the label where there is none."""
    return _short(request.reference or request.label)


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
        words = in_words(str(error.get("message", "")), error.get("errors") or {}) if error else ""
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
        words = in_words(str(answer.content.get("message", "")), answer.content.get("errors") or {})
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
