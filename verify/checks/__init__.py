"""The checks, in the order in which they run: parameters stay changed for what follows; canaries leave an alarm on."""

from typing import Final

from verify import stage
from verify.checks import gateway, parameters, runtime, triggers

__all__ = ("CHECKS", "GROUPS", "gateway", "parameters", "runtime", "triggers")

GROUPS: Final = ("triggers", "retries", "gateway", "parameters", "encryption", "runtime", "secrecy", "canaries")
CHECKS: Final = sorted(stage.CHECKS, key=lambda one: GROUPS.index(one.group))
