import logging

import pytest
from hypothesis import HealthCheck, settings

from tests.watched_output import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]  # a hook of every test


@pytest.fixture(autouse=True)
def a_line_that_cannot_be_logged_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `configure` has it: else a stream that pytest has closed comes with a traceback, and with what that quotes."""
    monkeypatch.setattr(logging, "raiseExceptions", False)


def profile(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )


# How much is tried: `make fuzz` takes the profile of that name, a hundred thousand examples in all.
settings.register_profile("suite", profile(max_examples=3_400))
settings.register_profile("fuzz", profile(max_examples=34_000))
settings.load_profile("suite")
