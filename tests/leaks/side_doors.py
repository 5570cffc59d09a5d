"""What leaves the process beside its streams and connections: files that are written, datagrams that are sent."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

# Python writes the bytecode of a module that it imports under a name of its own, and renames it.
_BYTECODE: Final = re.compile(r".*/__pycache__/[^/]+\.pyc\.[0-9]+")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

_watching: list[list[str]] = []


@cache
def _add_the_hook() -> None:
    """Add the audit hook, once: none is ever removed."""
    sys.addaudithook(_watch)


@contextmanager
def used_side_doors() -> Iterator[list[str]]:
    """Collect each file that any thread opens for writing, and each datagram that it sends, as what was done."""
    _add_the_hook()
    used: list[str] = []
    _watching.append(used)
    try:
        yield used
    finally:
        _watching.remove(used)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and (done := _done(event, arguments)):
        for used in _watching:
            used.append(done)


def _done(event: str, arguments: tuple[Any, ...]) -> str | None:
    match event, arguments:
        case "open", (str() | bytes() | os.PathLike() as path, _mode, int(flags)) if flags & _WRITING:
            name = os.fsdecode(path)
            return None if _BYTECODE.fullmatch(name) else f"a file was written: {name}"
        case (("socket.sendto" | "socket.sendmsg"), (_socket, address)):
            return f"a datagram was sent to {address}"
        case "socket.connect", (socket.socket(type=socket.SOCK_DGRAM), address):
            return f"a datagram was sent to {address}"
    return None
