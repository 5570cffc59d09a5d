"""Calls to the vendor that wait for a test's word, so that two attempts meet in a chosen order."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from personal_link.customergauge.transport import Response, Transport
from personal_link.domain.clock import Clock, Deadline

Gate = Literal["before the call", "after the call"]
PATIENCE = 20.0  # seconds


class GatedTransport(Transport):
    """Real sockets, but a call for a link stops once, before it is sent or when its answer has come."""

    def __init__(self, clock: Clock, gate: Gate | None) -> None:
        super().__init__(clock)
        self._gate = gate
        self._reached = threading.Event()
        self._open = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Response:
        if method == "PUT" and self._gate == "before the call":
            self._wait()
        try:
            return super().request(method, url, headers=headers, body=body, deadline=deadline)
        finally:
            if method == "PUT" and self._gate == "after the call":
                self._wait()

    def start[T](self, work: Callable[[], T]) -> "Future[T]":
        """Run work in a thread; return when it stands at the gate."""
        running = self._pool.submit(work)
        assert self._reached.wait(PATIENCE)
        return running

    def finish[T](self, running: "Future[T]") -> T:
        """Let it through; return what the work returned, or raise what it raised."""
        self._open.set()
        return running.result(PATIENCE)

    def let_through(self) -> None:
        """Leave nothing behind."""
        self._open.set()
        self._pool.shutdown()

    def _wait(self) -> None:
        self._reached.set()
        assert self._open.wait(PATIENCE)
