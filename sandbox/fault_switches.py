"""What goes wrong at CustomerGauge until somebody mends it: faults that stand, each on until it is switched off."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.vendor_replies import Reply


@dataclass(frozen=True)
class StandingFault:
    """How every call ends while it stands; `of_tokens` too if the token endpoint has it as well."""

    reply: Reply
    of_tokens: bool = False


# If several stand, the first of them answers.
STANDING_FAULTS: Mapping[str, StandingFault] = {
    "outage": StandingFault(Reply.error(503, retry_after=2), of_tokens=True),
    "rate-limit": StandingFault(Reply.error(429, retry_after=3)),
    "lost-answers": StandingFault(Reply(fault="close", commit=True)),
}


class FaultSwitches:
    """Which faults stand at the moment."""

    def __init__(self) -> None:
        self._on: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self._on

    def switch(self, name: str, *, on: bool) -> None:
        """Let a fault stand, or end it; KeyError if there is none of that name."""
        STANDING_FAULTS[name]
        self._on = self._on | {name} if on else self._on - {name}

    def clear(self) -> None:
        """End all."""
        self._on = frozenset()

    def reply(self, endpoint: str) -> Reply | None:
        """Return how a call to an endpoint ends; None if nothing stands in its way."""
        for name, fault in STANDING_FAULTS.items():
            if name in self._on and (fault.of_tokens or endpoint != "token"):
                return fault.reply
        return None
