"""Every step that the connector takes outside itself, and what can go wrong at it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from personal_link.customergauge.transport import Response, Transport
from personal_link.domain.clock import Clock, Deadline
from sandbox.customergauge.server import CustomerGaugeSandbox, Endpoint, Reply

if TYPE_CHECKING:
    from botocore.client import BaseClient

Side = Literal["before", "after"]
Kind = Literal["kill", "fail", "reset", "revoke", "repeat"]

REPLIES: Final[Mapping[Kind, Reply]] = {
    "fail": Reply.error(503, retry_after=1),  # certainly not processed
    "reset": Reply(fault="reset"),  # not processed, but who can tell
    "revoke": Reply.error(401),
}
LOST_ANSWER: Final = Reply(fault="reset", commit=True)


class Killed(BaseException):
    """The end of a Lambda environment: nothing may catch it."""


@dataclass(frozen=True)
class Step:
    """A call to AWS or the vendor: `before` it is sent, or `after` it was carried out and before its answer comes."""

    call: str  # an AWS operation, `token` or `personal-link`
    side: Side

    @property
    def faults(self) -> tuple[Kind, ...]:
        """What can go wrong here."""
        match self:
            case Step(side="after"):
                return ("kill", "fail")
            case Step(call="token"):
                return ("kill", "fail")
            case Step(call="personal-link"):
                return ("kill", "fail", "reset", "revoke")
            case _:
                return ("kill", "fail", "repeat")


class Interruptions:
    """Counts the steps of a run and lets the planned ones go wrong.

    kill     the environment is gone at this moment
    fail     before: AWS answers 500, the vendor 503; after: it was carried out, the answer never comes
    reset    the vendor breaks the connection and does nothing
    revoke   the vendor refuses the token
    repeat   AWS carries the call out twice, since botocore repeats one whose answer got lost
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._plan: Mapping[int, Kind] = {}
        self._watching = False
        self._repeating = False

    def plan(self, plan: Mapping[int, Kind]) -> None:
        """Begin a run: let the n-th step, counted from 0, go wrong in this way."""
        self.steps, self._plan = [], plan

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count steps, and let them go wrong, only in here."""
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def reach(self, call: str, side: Side) -> Kind | None:
        """Take a step; return how it goes wrong."""
        if not self._watching:
            return None
        kind = self.coming()
        self.steps.append(Step(call, side))
        if kind == "kill":
            raise Killed
        return kind

    def coming(self) -> Kind | None:
        """Return how the next step will go wrong."""
        return self._plan.get(len(self.steps))

    def watch(self, client: "BaseClient") -> None:
        """Make every call of a client two steps."""
        events = client.meta.events

        def before(model: Any, **_: object) -> Any:  # botocore's stubs do not know that it may answer
            kind = self.reach(model.name, "before")
            self._repeating = kind == "repeat"
            if kind != "fail":
                return None
            error = {"Error": {"Code": "InternalServerError", "Message": "not now"}}
            return AWSResponse("https://aws.example", 500, HTTPHeaders(), None), error

        def repeat(request: object, event_name: str, **_: object) -> None:
            if self._repeating:
                self._repeating = False
                events.emit(event_name, request=request)

        def after(model: Any, http_response: AWSResponse, **_: object) -> None:
            carried_out = http_response.status_code < 500
            if carried_out and self.reach(model.name, "after") == "fail":
                raise ReadTimeoutError(endpoint_url="https://aws.example")

        events.register("before-call", before)
        events.register_first("before-send", repeat)
        events.register("after-call", after)


class WatchedTransport(Transport):
    """Real sockets to the vendor, every call of which is two steps."""

    def __init__(self, clock: Clock, interruptions: Interruptions, vendor: CustomerGaugeSandbox) -> None:
        super().__init__(clock)
        self._interruptions = interruptions
        self._vendor = vendor

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Response:
        endpoint: Endpoint = "token" if method == "POST" else "personal-link"
        kind = self._interruptions.reach(endpoint, "before")
        if kind is not None:
            self._vendor.script(endpoint, REPLIES[kind])
        elif self._interruptions.coming() == "fail":
            self._vendor.script(endpoint, LOST_ANSWER)
        try:
            return super().request(method, url, headers=headers, body=body, deadline=deadline)
        finally:
            self._interruptions.reach(endpoint, "after")


def each_fault(steps: list[Step], *, since: int = 0) -> Iterator[tuple[int, Kind]]:
    """List what can go wrong at each of the steps."""
    for number, step in enumerate(steps[since:], since):
        for kind in step.faults:
            yield number, kind
