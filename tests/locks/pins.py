"""The packages of a lock and their versions."""

import re
from pathlib import Path

from sandbox import REPOSITORY

LAYER = REPOSITORY / "layers" / "dependencies" / "requirements.txt"


def pins(lock: Path) -> dict[str, str]:
    """Return versions by package."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE))
