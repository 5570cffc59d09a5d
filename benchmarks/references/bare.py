"""An empty handler: what the runtime alone takes to start."""

from typing import Any


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Do nothing."""
    return {}
