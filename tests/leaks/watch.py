"""What leaves the process beside its streams and connections, and what the package's exceptions tell."""

import dis
import os
import re
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

import personal_link

# Exceptions

_PACKAGE: Final = str(Path(personal_link.__file__).parent)
_RAISE: Final = dis.opmap["RAISE_VARARGS"]
_TOOL: Final = 4  # of sys.monitoring: the first that is nobody's


@contextmanager
def raised_by_the_package() -> Iterator[list[BaseException]]:
    """Collect what the package's `raise` statements raise, whoever catches it."""
    raised: list[BaseException] = []

    def note(code: CodeType, offset: int, error: BaseException) -> None:
        if code.co_filename.startswith(_PACKAGE) and code.co_code[offset] == _RAISE:
            raised.append(error)

    sys.monitoring.use_tool_id(_TOOL, "what the package raises")
    sys.monitoring.register_callback(_TOOL, sys.monitoring.events.RAISE, note)
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.RAISE)
    try:
        yield raised
    finally:
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.free_tool_id(_TOOL)


def told_by(error: BaseException) -> str:
    """Return all that an exception tells: its own texts, those of the chain behind it, and its traceback."""
    told = ["".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())]
    to_see: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while to_see:
        one = to_see.pop()
        if one is not None and one not in seen:
            seen.append(one)
            told += [str(one), repr(one), repr(one.args), repr(vars(one)), *getattr(one, "__notes__", [])]
            context = None if one.__suppress_context__ else one.__context__  # as in a traceback
            to_see += [one.__cause__, context, *getattr(one, "exceptions", ())]
    return "\n".join(told)


# Files and datagrams

# Python writes the bytecode of a module that it imports under a name of its own, and renames it.
_BYTECODE: Final = re.compile(r".*/__pycache__/[^/]+\.pyc\.[0-9]+")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_watching: list[list[str]] = []


@contextmanager
def opened_files_and_sent_datagrams() -> Iterator[list[str]]:
    """Collect each file that any thread opens for writing, and each datagram that it sends, as what was done."""
    _add_the_hook()
    used: list[str] = []
    _watching.append(used)
    try:
        yield used
    finally:
        _watching.remove(used)


@cache
def _add_the_hook() -> None:
    """Add the audit hook, once: none is ever removed."""
    sys.addaudithook(_watch)


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
