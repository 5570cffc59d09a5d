"""The log of the sandbox's calls: time, answer and duration of each."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from sandbox.customergauge.call import Call
from sandbox.customergauge.replies import UNANSWERED, Reply

Endpoint = Literal["token", "personal-link", "anonymize"]


@dataclass
class Exchange:
    """A call and its answer. `seconds` is None until the exchange has ended."""

    number: int
    endpoint: Endpoint
    call: Call = field(repr=False)
    began: float  # epoch seconds
    status: int | None = None  # None: no answer
    seconds: float | None = None


class CallLog:
    """All calls, oldest first. Safe for threads."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._exchanges.clear()

    def begin(self, endpoint: Endpoint, call: Call) -> Exchange:
        """Note a received call."""
        with self._lock:
            exchange = Exchange(len(self._exchanges) + 1, endpoint, call, time.time())
            self._exchanges.append(exchange)
        return exchange

    def sent(self, call: Call, reply: Reply) -> None:
        """Note that the reply to a call was sent, or held back as intended."""
        with self._lock:
            for exchange in reversed(self._exchanges):
                if exchange.call is call:
                    exchange.status = None if reply.fault in UNANSWERED else reply.status
                    exchange.seconds = time.time() - exchange.began
                    return

    def calls(self, endpoint: Endpoint) -> list[Call]:
        """List the calls to an endpoint."""
        return [exchange.call for exchange in self.exchanges() if exchange.endpoint == endpoint]

    def exchanges(self) -> list[Exchange]:
        """List everything."""
        with self._lock:
            return list(self._exchanges)
