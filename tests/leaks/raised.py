"""Every exception that the package raises, and all that can be read off it."""

import dis
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Final

import personal_link

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
    for link in _chain(error):
        told += [str(link), repr(link), repr(link.args), repr(vars(link)), *getattr(link, "__notes__", [])]
    return "\n".join(told)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    to_see: list[BaseException | None] = [error]
    while to_see:
        one = to_see.pop()
        if one is not None and one not in found:
            found.append(one)
            context = None if one.__suppress_context__ else one.__context__  # as in a traceback
            to_see += [one.__cause__, context, *getattr(one, "exceptions", ())]
    return found
