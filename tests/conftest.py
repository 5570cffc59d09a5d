"""What all tests share: the order in which they run, an AWS account in this process, a vendor on a loopback socket."""

import io
import logging
import os
from collections import Counter
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws
from xdist.scheduler import LoadScopeScheduling

from personal_link import observability
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.customergauge.access_token import TokenCache, run_in_background
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.customergauge.transport import Transport
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
from tests.customergauge.scripted_lines import NO_AUTHORITIES
from tests.fake_clock import FakeClock
from tests.link_requests import UseCase
from tests.output_watch import pytest_runtest_makereport  # noqa: F401 - a hook of pytest's
from tests.result_watch import every_result_is_looked_at, every_result_keeps_the_contract  # noqa: F401 - fixtures

os.environ.pop("COLUMNS", None)  # xdist sets it, and screens would take it for a terminal's width
os.environ.pop("MAKEFLAGS", None)  # of the `make` that runs the tests; they run their own

TESTS: Final = Path(__file__).parent
CORE: Final = ("domain", "triggers", "customergauge", "aws", "handlers")  # the rooms in which most mistakes are made
LONGEST: Final = (
    "stack/",
    "deployments/test_soak.py",
    "deployments/test_readme_lines.py",
    "bulk_stack/test_deployed.py",
)
SHARE_A_DEPLOYMENT: Final = ("tests/stack", "tests/deployments/given")
ONLY_IN_TEST_ALL: Final = ("benchmarks", "console", "deployments", "fuzz", "locks", "outage", "scan")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs more than `.venv` gives, and let the core's tests run first."""
    for item in items:
        place = item.path.relative_to(TESTS)
        if place.parts[0] in ONLY_IN_TEST_ALL:
            item.add_marker("slow")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if place.parts[0] == "stack":
            item.add_marker("stack")
    items.sort(key=_turn)


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Sends a file's tests to one worker, and a folder's whose files share a deployment."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in SHARE_A_DEPLOYMENT else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    # xdist's own groups (`--dist loadgroup`, 3.8) do nothing with pytest 9.2
    return Schedule(config, log)


def _turn(item: pytest.Item) -> int:
    """Return when a test's turn comes: the longest files at once, beside them the core, then the rest."""
    place = item.path.relative_to(TESTS)
    if place.as_posix().startswith(LONGEST):
        return 0
    return 1 if len(place.parts) == 1 or place.parts[0] in CORE else 2


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the reporter's own, which writes all the rest
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say last how many tests were skipped, and why."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist's
        return
    reasons = Counter(str(one.longrepr[2]).removeprefix("Skipped: ") for one in reporter.stats.get("skipped", []))
    for reason, count in reasons.items():
        reporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture(scope="session", autouse=True)
def log_to_what_pytest_captures() -> None:
    """Make the package's logger while no test has a stdout of its own: it would keep that, closed, to the end."""
    observability.logger()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open nothing, so that no test can reach a real account."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture
def account(aws_environment: None) -> Iterator[Account]:
    with mock_aws():
        yield Account.create()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=1_795_428_000.0)  # 2026-11-23T10:00:00Z


@pytest.fixture
def ledger(account: Account, clock: FakeClock) -> Ledger:
    return Ledger(account.dynamodb, account.ledger_table, 21, clock)


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def issuer(account: Account, ledger: Ledger, clock: FakeClock, vendor: CustomerGaugeSandbox) -> LinkIssuer:
    """The use case with everything real but the time and the AWS account."""
    customergauge = CustomerGauge(
        Transport(clock, NO_AUTHORITIES), clock, auth_base_url=vendor.base_url, imports_base_url=vendor.base_url
    )
    secret = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    return LinkIssuer(
        ledger=ledger,
        tokens=TokenCache(partial(fetch_token, secret, customergauge), clock, run_in_background),
        customergauge=customergauge,
        clock=clock,
        default_configuration="contact",
        sleep=clock.advance,
    )


@pytest.fixture
def case(issuer: LinkIssuer, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock) -> UseCase:
    return UseCase(issuer, account, vendor, clock)


def profile(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )


# How much is tried: `make test-all` takes `thorough` for tests/fuzz, `make fuzz` tries a hundred thousand in all.
settings.register_profile("suite", profile(max_examples=50))
settings.register_profile("thorough", profile(max_examples=1_000))
settings.register_profile("fuzz", profile(max_examples=17_000))
settings.load_profile("suite")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged: the package's lines as they are written, and those of all libraries."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(observability.logger().registered_formatter)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
