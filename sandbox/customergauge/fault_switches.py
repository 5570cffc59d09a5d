"""Faults of CustomerGauge that stay on until they are switched off."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.customergauge.call import TOKEN_PATH, Call
from sandbox.customergauge.replies import Reply


@dataclass(frozen=True)
class Fault:
    """The reply to every call while the fault is on."""

    reply: Reply
    includes_tokens: bool = False  # the token endpoint too


# If several are on, the first one answers.
SWITCHES: Mapping[str, Fault] = {
    "outage": Fault(Reply.error(503, retry_after=2), includes_tokens=True),
    "rate-limit": Fault(Reply.error(429, retry_after=3)),
    "lost-answers": Fault(Reply(fault="close", commit=True)),
}


class FaultSwitches:
    """The faults that are on. Call it to get the reply to a call; None serves the call as usual."""

    def __init__(self) -> None:
        self._on: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self._on

    def switch(self, name: str, *, on: bool) -> None:
        """Switch a fault on or off. Raises KeyError for an unknown name."""
        SWITCHES[name]
        self._on = self._on | {name} if on else self._on - {name}

    def clear(self) -> None:
        """Switch all faults off."""
        self._on = frozenset()

    def __call__(self, call: Call) -> Reply | None:
        """Return the reply of the first fault that is on; None without one."""
        for name, fault in SWITCHES.items():
            if name in self._on and (fault.includes_tokens or not call.path.startswith(TOKEN_PATH)):
                return fault.reply
        return None
