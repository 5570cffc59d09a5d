"""Unwrap a request: remove at most one SNS envelope and one additional JSON encoding."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeIs

from personal_link.domain import shapes, strict_json
from personal_link.domain.clock import timestamp
from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import MAX_BYTES, NO_RECORD, is_label

# JSON may write a character as \uXXXX, six bytes for one. A longer body cannot be a request of the allowed size.
MAX_BODY: Final = 6 * MAX_BYTES


class Unwrapper:
    """Remove at most one SNS envelope and one JSON encoding, and remember the notification's id and time."""

    def __init__(self) -> None:
        self._notification: Mapping[str, object] = {}
        self._is_decoded = False

    @property
    def message_id(self) -> str | None:
        """Return the notification's SNS id; None if there is no usable one."""
        name = self._notification.get("MessageId")
        return name if isinstance(name, str) and is_label(name) else None

    @property
    def published_at(self) -> float | None:
        """Return when the notification was published, in epoch seconds; None if that is not known."""
        return time_of(self._notification.get("Timestamp"))

    def content_of(self, value: object) -> object:
        """Return the unwrapped value; the value itself if there is nothing to remove."""
        inside = None
        if isinstance(value, str) and not self._is_decoded:
            inside = self._decoded(value)
        elif not self._notification and (notification := _notification_in(value)):
            inside = _json_in(notification["Message"])
            if inside is not None:
                self._notification = notification
        return value if inside is None else self.content_of(inside)

    def request_in(self, value: object) -> dict[str, object]:
        """Return the request in a value; decode a record that is JSON text. Raises Unreadable without a request."""
        content = self.content_of(value)
        if not is_request(content):
            raise no_request(content)
        request: dict[str, object] = dict(content)
        record = request.get("record")
        if isinstance(record, str) and not self._is_decoded and isinstance(decoded := self._decoded(record), dict):
            request["record"] = decoded
        return request

    def _decoded(self, text: str) -> object:
        inside = _json_in(text)
        self._is_decoded = inside is not None
        return inside


def read_json(body: str) -> object:
    """Return the parsed JSON body. Raises Unreadable."""
    try:
        return strict_json.parse(body)
    except ValueError as error:
        if "\0" in body:
            raise not_utf_8() from None
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not valid JSON: {error}.") from None


def not_utf_8() -> Unreadable:
    """Return the error for a body in another encoding, or compressed."""
    return Unreadable(Code.INVALID_REQUEST, "The body is not UTF-8. Send it in UTF-8, uncompressed.")


def is_request(value: object) -> TypeIs[dict[str, object]]:
    """Tell whether a value is recognisably a request, valid or not."""
    return isinstance(value, dict) and ("record" in value or "configuration" in value)


def no_request(value: object) -> Unreadable:
    """Return the error for JSON that holds no request."""
    what = shapes.describe(value)
    return Unreadable(Code.INVALID_REQUEST, f"The body holds no request. It looks like {what}.", errors=NO_RECORD)


def _notification_in(value: object) -> Mapping[str, Any] | None:
    """Return the SNS notification in a value: as a queue gets it, or as SNS invokes a function."""
    match value:
        case _ if is_request(value):
            return None
        case {"Records": [{"Sns": dict(notification)}]} | dict(notification):
            pass
        case _:
            return None
    is_one = notification.get("Type") == "Notification" and isinstance(notification.get("Message"), str)
    return notification if is_one else None


def _json_in(text: str) -> object:
    """Return the parsed JSON text; None if it is not JSON, or null."""
    with suppress(ValueError):
        return strict_json.parse(text)
    return None


def time_of(time: object) -> float | None:
    """Return an event's own time in epoch seconds; None if it is not a time between the years 1 and 9999 in UTC.

    The event's own time stays the same when EventBridge or SNS delivers it twice, as two messages.
    """
    if not isinstance(time, str):
        return None
    form = "%Y-%m-%dT%H:%M:%S.%f%z" if time[19:20] == "." else "%Y-%m-%dT%H:%M:%S%z"
    try:
        seconds = datetime.strptime(time, form).timestamp()  # noqa: DTZ007 - both forms have %z
        timestamp(seconds)  # it has to be one in UTC, too
    except (ValueError, OverflowError):
        return None
    return seconds
