"""The checks, in the order in which they run: parameters stay changed for what follows; canaries leave an alarm on."""

from typing import Final

from verify import check
from verify.checks import canaries, encryption, gateway, parameters, retries, runtime, secrecy, triggers

GROUPS: Final = tuple(
    module.__name__.rpartition(".")[2]
    for module in (triggers, retries, gateway, parameters, encryption, runtime, secrecy, canaries)
)
CHECKS: Final = sorted(check.CHECKS, key=lambda one: GROUPS.index(one.group))
