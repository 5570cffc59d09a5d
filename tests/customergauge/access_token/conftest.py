"""A token cache over a token server that is told what to do."""

import threading
import time
from collections.abc import Callable

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, Unauthorized
from tests.fake_clock import FakeClock


class TokenServer:
    """Gives token-1, token-2 and so on, of the life it is set to, or fails as it is set to; counts the calls."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.life = 3600.0
        self.failure: Exception | None = None
        self.seconds_to_answer = 0.0
        self.given = threading.Event()  # cleared: the answer waits
        self.given.set()
        self.asked = threading.Event()
        self.deadlines: list[Deadline] = []

    def __call__(self, deadline: Deadline) -> AccessToken:
        self.deadlines.append(deadline)
        number = len(self.deadlines)
        self.asked.set()
        time.sleep(self.seconds_to_answer)
        assert self.given.wait(10.0)
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token-{number}", self.life, self._clock.wall(), self._clock.monotonic())

    @property
    def fetches(self) -> int:
        return len(self.deadlines)


class Aside:
    """Keeps the work that is to run beside a request, until the test lets it run."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> TokenServer:
    return TokenServer(clock)


@pytest.fixture
def aside() -> Aside:
    return Aside()


@pytest.fixture
def cache(server: TokenServer, clock: FakeClock, aside: Aside) -> TokenCache:
    return TokenCache(server, clock, aside)


@pytest.fixture
def deadline() -> Deadline:
    return Deadline.after(10.0, FakeClock())  # a clock of its own: it never runs out


def unauthorized() -> Unauthorized:
    return Unauthorized(Code.CREDENTIALS_REFUSED, "the API refuses the token")
