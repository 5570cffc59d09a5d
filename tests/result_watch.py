"""Fails every test in which a result, sent or kept by the ledger, breaks docs/contracts/result.schema.json.

`conftest.py` lets pytest know. It does not raise where the result is written: the handlers make an answer of any error.
"""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from personal_link.domain.outcome import Outcome
from sandbox.contracts import violations

_SEEN: Final[list[str]] = []


@pytest.fixture(scope="session", autouse=True)
def every_result_is_looked_at() -> Iterator[None]:
    """Look at each result message that is written, for as long as the tests run."""
    write = Outcome.message

    def message(self: Outcome, *, echo_record: bool) -> str:
        text = write(self, echo_record=echo_record)
        _SEEN.extend(violations("result", json.loads(text)))
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcome, "message", message)
        yield


@pytest.fixture(autouse=True)
def every_result_keeps_the_contract() -> Iterator[None]:
    """Fail the test after which there are broken results."""
    _SEEN.clear()
    yield
    broken = sorted(set(_SEEN))
    _SEEN.clear()
    assert not broken, f"results break docs/contracts/result.schema.json: {broken}"
