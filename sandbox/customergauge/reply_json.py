"""Read a scripted reply from JSON: the fields of replies.Reply, and `retry_after`."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.customergauge.replies import FAULTS, Reply

LONGEST_WAIT = 3600  # seconds


class BadControl(Exception):
    """The control request is wrong; the text names the field."""


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_status(value: object) -> bool:
    return isinstance(value, int) and _is_number(value, 200, 599)


def is_wait(value: object) -> bool:
    """Tell whether a value is a number of seconds within the allowed range."""
    return _is_number(value, 0, LONGEST_WAIT)


def _is_header_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _is_retry_after(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or _is_header_text(value)


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(_is_header_text(f"{name}{text}") for name, text in value.items())


def _are_hints(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(hint, int) and _is_number(hint, 100, 199) for hint in value)


REPLY_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "status": (_is_status, "a number from 200 to 599"),
    "body": (lambda value: isinstance(value, str | dict), "text or an object"),
    "headers": (_are_headers, "an object of printable ASCII texts"),
    "retry_after": (_is_retry_after, "seconds or an HTTP date"),
    "delay": (is_wait, f"seconds, at most {LONGEST_WAIT}"),
    "interval": (is_wait, f"seconds, at most {LONGEST_WAIT}"),
    "fault": (lambda value: isinstance(value, str) and value in FAULTS, f"one of {', '.join(FAULTS)}"),
    "hints": (_are_hints, "a list of numbers from 100 to 199"),
    "commit": (lambda value: isinstance(value, bool), "true or false"),
}


def reply_of(fields: object, where: str) -> Reply:
    """Return the reply that JSON fields describe. Raises BadControl that names the wrong field."""
    if not isinstance(fields, dict):
        raise BadControl(f"{where}: must be an object")
    for name, value in fields.items():
        if name not in REPLY_FIELDS:
            raise BadControl(f"{where}.{name}: unknown; there are {', '.join(REPLY_FIELDS)}")
        is_right, wanted = REPLY_FIELDS[name]
        if not is_right(value):
            raise BadControl(f"{where}.{name}: must be {wanted}")
    given = dict(fields)
    headers = {name: str(text) for name, text in given.pop("headers", {}).items()}
    if "retry_after" in given:
        headers["Retry-After"] = str(given.pop("retry_after"))
    if given.get("status", 0) >= 400 and "body" not in given:
        given["body"] = Reply.error(given["status"]).body
    return Reply(headers=headers, hints=tuple(given.pop("hints", ())), **given)
