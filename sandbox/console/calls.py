"""The calls to CustomerGauge, and the requests that they are for.

CustomerGauge gets neither reference nor key, so a call belongs to the requests with its record. Two requests with the
same record at the same time share their calls.
"""

import json
from collections.abc import Sequence
from typing import Final

from sandbox.console.journal import Request
from sandbox.console.preview import Previews, canonical
from sandbox.customergauge.log import Exchange
from sandbox.customergauge.server import CustomerGaugeSandbox

_SLACK: Final = 0.1  # seconds: a queue may round the time


class Calls:
    """All calls, oldest first. Not safe for threads."""

    def __init__(self, vendor: CustomerGaugeSandbox, previews: Previews) -> None:
        self._vendor = vendor
        self._previews = previews
        self._records: dict[int, str | None] = {}  # by the request's number

    def all(self) -> list[Exchange]:
        """Return all calls."""
        return self._vendor.exchanges()

    def tokens(self) -> list[Exchange]:
        """Return the calls for a token."""
        return [one for one in self.all() if one.endpoint == "token"]

    def of(self, request: Request) -> list[Exchange]:
        """Return the calls for a request."""
        record = self._record(request)
        calls = (one for one in self.all() if one.endpoint == "personal-link" and _is_in_time(one, request))
        return [one for one in calls if _record_in(one) == record]

    def requests_of(self, exchange: Exchange, requests: Sequence[Request]) -> list[Request]:
        """Return the requests that a call is for."""
        record = _record_in(exchange)
        return [one for one in requests if _is_in_time(exchange, one) and self._record(one) == record]

    def _record(self, request: Request) -> str | None:
        if request.number not in self._records:
            if request.content:
                record = self._previews.of(request.way, request.content, request.media_type).record
            elif request.result and "record" in request.result.content:
                record = canonical(request.result.content["record"])
            else:
                return None
            self._records[request.number] = record
        return self._records[request.number]


def _is_in_time(exchange: Exchange, request: Request) -> bool:
    end = request.ended_at
    return request.sent_at - _SLACK <= exchange.began and (end is None or exchange.began <= end)


def _record_in(exchange: Exchange) -> str:
    """Return the record in a call for a link; empty for any other call."""
    try:
        return canonical(json.loads(exchange.call.body)["record"])
    except (ValueError, LookupError, TypeError):  # a token's, or somebody else's
        return ""
