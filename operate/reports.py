"""What each command prints with --json."""

from collections.abc import Mapping
from typing import Final

from operate.check_command import Check
from operate.delete_command import Deletion
from operate.finding import Found
from operate.health_report import Health
from operate.outputs import Outputs
from operate.parked_list import ParkedList, ParkedRequest
from operate.redrive_command import Redriven
from operate.send_command import Sent
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
}
