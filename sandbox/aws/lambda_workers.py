"""Find the emulator's Lambda worker processes in /proc (Linux only)."""

import re
from contextlib import suppress
from pathlib import Path

from sandbox.aws.emulator import Emulator


def workers(emulator: Emulator) -> list[tuple[int, str]]:
    """Return the process ids of the workers, each with its function's logical id."""
    found = []
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        with suppress(OSError):  # it has ended, or belongs to another user
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == emulator.process_group:
                environment = (folder / "environ").read_bytes().decode(errors="replace")
                names = re.findall(r"\0AWS_LAMBDA_FUNCTION_NAME=[^\0]*?(\w+Function)", environment)
                found += [(int(folder.name), name) for name in names]
    return found
