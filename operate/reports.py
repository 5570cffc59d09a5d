"""What each command prints with --json."""

from collections.abc import Mapping
from typing import Final

from operate.check.command import Check
from operate.erase.erasure import Erasure
from operate.find.search import Found
from operate.health.report import Health
from operate.outputs import Outputs
from operate.parked.delete_command import Deletion
from operate.parked.list_command import ParkedList, ParkedRequest
from operate.parked.redrive_command import Redriven
from operate.send.command import Sent
from operate.tail import Line

REPORTS: Final[Mapping[str, type]] = {
    "health": Health,
    "find": Found,
    "tail": Line,
    "send": Sent,
    "check": Check,
    "outputs": Outputs,
    "parked list": ParkedList,
    "parked show": ParkedRequest,
    "parked redrive": Redriven,
    "parked delete": Deletion,
    "erase": Erasure,
}
