"""`python -m benchmarks.bulk`: how long events take while a file is worked on, by the way its rows are sent.

A simulation, because a machine that runs the emulator measures mostly itself. Workers take up to ten messages; a batch
takes CustomerGauge's answer and 50 ms. A tenth of the messages fails and comes back after a random back-off. The sender
knows how many messages waited `LAG` seconds ago, as SQS's counts are late. The table is in
docs/decisions/0025-bulk-stack.md.
"""

import heapq
import itertools
import random
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

WORKERS: Final = 5  # MaximumConcurrency
BATCH: Final = 10
BATCH_SECONDS: Final = 0.25
FAILING: Final = 0.1  # of the messages
BACK_OFF: Final = 2.0  # seconds, at most
EVENTS_A_SECOND: Final = 1.0
ROWS: Final = 20_000
LAG: Final = 5.0  # seconds
NO_LIMIT: Final = 10**9


@dataclass(frozen=True)
class Way:
    """A way to send the rows of a file."""

    name: str
    rows_per_second: float = 1000.0
    waiting: int = NO_LIMIT  # rows are sent while fewer messages wait
    own_workers: int = 0  # with a queue of its own


WAYS: Final = (
    Way("no file", rows_per_second=0.0),
    Way("all at once"),
    Way("all at once, a queue of its own with two workers", own_workers=2),
    Way("while fewer than 100 wait", waiting=100),
    Way("while fewer than 20 wait", waiting=20),
    Way("150 a second, while fewer than 20 wait", 150.0, 20),
    Way("100 a second, while fewer than 20 wait", 100.0, 20),
    Way("20 a second, while fewer than 20 wait", 20.0, 20),
)


@dataclass
class Queue:
    """A queue with workers of its own."""

    free: int
    messages: deque[tuple[float, bool]] = field(default_factory=deque)  # when it was sent; whether it is a row


class Simulation:
    """One file, and single events beside it."""

    def __init__(self, way: Way, seed: int = 1) -> None:
        self.way = way
        self.now = 0.0
        self.latencies: list[float] = []  # of events, in seconds
        self.most = 0  # messages that waited at a time
        self._left = ROWS if way.rows_per_second else 0
        self._unsent = self._left
        self._dice = random.Random(seed)
        self._steps: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._events = Queue(WORKERS)
        self._rows = Queue(way.own_workers) if way.own_workers else self._events
        self._depths: deque[tuple[float, int]] = deque([(0.0, 0)])

    def run(self) -> None:
        """Run until all rows have ended; without a file for twenty minutes."""
        self._after(0.0, self._send_event)
        if self._unsent:
            self._after(0.0, self._send_rows)
        while self._left or (not self.way.rows_per_second and self.now < 1200):
            self.now, _number, step = heapq.heappop(self._steps)
            step()
            self._take(self._events)
            self._take(self._rows)
            waiting = len(self._rows.messages)
            self._depths.append((self.now, waiting))
            self.most = max(self.most, waiting)

    def _after(self, seconds: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._steps, (self.now + seconds, next(self._numbers), step))

    def _send_event(self) -> None:
        self._events.messages.append((self.now, False))
        self._after(self._dice.expovariate(EVENTS_A_SECOND), self._send_event)

    def _send_rows(self) -> None:
        while len(self._depths) > 1 and self._depths[1][0] <= self.now - LAG:
            self._depths.popleft()
        if self._depths[0][1] < self.way.waiting:
            self._rows.messages.extend([(self.now, True)] * BATCH)
            self._unsent -= BATCH
        if self._unsent:
            self._after(BATCH / self.way.rows_per_second, self._send_rows)

    def _take(self, queue: Queue) -> None:
        while queue.free and queue.messages:
            batch = [queue.messages.popleft() for _ in range(min(BATCH, len(queue.messages)))]
            queue.free -= 1
            self._after(BATCH_SECONDS, lambda batch=batch: self._end(queue, batch))  # type: ignore[misc]

    def _end(self, queue: Queue, batch: list[tuple[float, bool]]) -> None:
        queue.free += 1
        for message in batch:
            if self._dice.random() < FAILING:
                wait = self._dice.random() * BACK_OFF
                self._after(wait, lambda message=message: queue.messages.append(message))  # type: ignore[misc]
            elif message[1]:
                self._left -= 1
            else:
                self.latencies.append(self.now - message[0])


def main() -> None:
    """Print the table."""
    print("| rows are sent | rows a second | most waiting | events: median | p95 | beside no file |")
    print("| --- | --: | --: | --: | --: | --: |")
    alone = 0.0
    for way in WAYS:
        simulation = Simulation(way)
        simulation.run()
        p95 = statistics.quantiles(simulation.latencies, n=20)[-1]
        alone = alone or p95
        rate = (ROWS / simulation.now) if way.rows_per_second else 0
        median = statistics.median(simulation.latencies)
        print(f"| {way.name} | {rate:.0f} | {simulation.most:,} | {median:.2f} s | {p95:.2f} s | {p95 / alone:.1f} x |")


if __name__ == "__main__":
    main()
