import pytest
from hypothesis import HealthCheck, settings

from personal_link import observability
from tests.output_watch import pytest_runtest_makereport  # noqa: F401 - a hook of pytest's
from tests.result_watch import every_result_is_looked_at, every_result_keeps_the_contract  # noqa: F401 - fixtures


@pytest.fixture(scope="session", autouse=True)
def log_to_what_pytest_captures() -> None:
    """Make the package's logger while no test has a stdout of its own: it would keep that, closed, to the end."""
    observability.logger()


def profile(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )


# How much is tried: `make fuzz` takes the profile of that name, a hundred thousand examples in all.
settings.register_profile("suite", profile(max_examples=3_400))
settings.register_profile("fuzz", profile(max_examples=34_000))
settings.load_profile("suite")
