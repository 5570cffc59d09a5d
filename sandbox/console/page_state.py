"""The state of the page: counts and some entries of the journal and of CustomerGauge's calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sandbox.console.journal import Journal, Request
from sandbox.customergauge import CustomerGaugeSandbox

SHOWN: Final = 30  # entries per list
CALLS_SHOWN: Final = 15
LOST_AFTER: Final = 30.0  # seconds until a request without a place counts as missing
_LONGEST_TEXT: Final = 300


def page_state(journal: Journal, why: Callable[[str], str], now: float) -> dict[str, object]:
    """Return the state of all requests; `why` returns the code that a message waits for."""
    counts = journal.counts()
    missing = [one for one in journal.requests if one.place == "under way" and _is_late(one, now)]
    newest = journal.requests[::-1]
    return {
        "now": now,
        "counts": {
            "sent": len(journal.requests),
            "results": counts["result"],
            "waiting": counts["waiting"],
            "parked": counts["parked"],
            "answered": counts["answered"],
            "underway": counts["under way"] - len(missing),
            "missing": len(missing),
        },
        # waiting requests with the oldest first, all others with the newest first
        "waiting": [_waiting(one, why, now) for one in _first(journal.requests, "under way", "waiting")],
        "results": [_ended(one) for one in _first(newest, "result")],
        "parked": [_parked(one) for one in _first(newest, "parked")],
        "answered": [_answered(one) for one in _first(newest, "answered")],
    }


def vendor_state(vendor: CustomerGaugeSandbox) -> dict[str, object]:
    """Return CustomerGauge's counts and calls, the last call first."""
    exchanges = vendor.exchanges()
    return {
        "calls": len(exchanges),
        "tokens": sum(one.endpoint == "token" and one.status == 200 for one in exchanges),
        "records": len(vendor.links),
        "last": [
            {
                "key": f"call-{one.number}",
                "what": "token" if one.endpoint == "token" else "link",
                "began": one.began,
                "status": one.status,
                "milliseconds": None if one.seconds is None else round(one.seconds * 1000),
            }
            for one in exchanges[: -CALLS_SHOWN - 1 : -1]
        ],
    }


def _is_late(request: Request, now: float) -> bool:
    return now - request.seen_at > LOST_AFTER and not (request.way == "http" and not request.answer)


def _first(requests: Sequence[Request], *places: str) -> list[Request]:
    return [one for one in requests if one.place in places][:SHOWN]


def _card(request: Request) -> dict[str, object]:
    return {
        "key": request.key,
        "title": _short(request.reference or request.label),
        "way": request.way,
        "label": _short(request.label),
        "sent_at": request.sent_at or None,
    }


def _waiting(request: Request, why: Callable[[str], str], now: float) -> Mapping[str, object]:
    message = request.message if request.place == "waiting" else None
    if message is None:
        return {**_card(request), "tries": 0, "in_hand": request.way == "http", "next_try": None, "why": ""}
    return {
        **_card(request),
        "tries": message.receives,
        "in_hand": message.in_hand(now),
        "next_try": message.visible_at if message.receives else None,
        "why": why(message.id),
    }


def _ended(request: Request) -> Mapping[str, object]:
    result = request.result
    assert result is not None  # noqa: S101  # its place is "result"
    return {
        **_card(request),
        "status": result.status,
        "code": result.code,
        "replayed": result.replayed,
        "link": result.link,
        "message": _short(result.message),
    }


def _parked(request: Request) -> Mapping[str, object]:
    attributes = request.message.attributes if request.message else {}
    # EventBridge and Lambda park with other attributes
    code = attributes.get("code") or attributes.get("ERROR_CODE") or attributes.get("ErrorCode", "")
    detail = attributes.get("detail") or attributes.get("ERROR_MESSAGE") or attributes.get("ErrorMessage", "")
    return {**_card(request), "code": _short(code), "message": _short(detail), "tries": attributes.get("attempts", "")}


def _answered(request: Request) -> Mapping[str, object]:
    status, code = request.answer or (0, "")
    return {**_card(request), "status": status, "code": _short(code)}


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
