"""One AWS and one vendor for all paths of a log level, and a process in which everybody logs all there is."""

import logging
from collections.abc import Iterator
from contextlib import redirect_stderr

import boto3
import pytest
import urllib3
from moto import mock_aws

from personal_link import observability
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, template_variables
from tests.faults.faulty_aws import FaultyAws
from tests.leaks.canaries import SESSION
from tests.leaks.connector import Connector


@pytest.fixture(scope="module", params=[pytest.param("INFO", marks=pytest.mark.slow), "DEBUG"])
def surroundings(request: pytest.FixtureRequest) -> Iterator[tuple[Account, FaultyAws, CustomerGaugeSandbox]]:
    """An account of credentials that open nothing, behind a socket; and the functions' environment, at a log level."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_SESSION_TOKEN", SESSION.value)
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            account = Account.create()
            with FaultyAws(account) as aws, CustomerGaugeSandbox() as vendor:
                for name, value in template_variables(account, vendor).items():
                    patch.setenv(name, value)
                patch.setenv("AWS_ENDPOINT_URL", aws.url)
                patch.setenv("LOG_LEVEL", request.param)
                yield account, aws, vendor


@pytest.fixture
def connector(
    surroundings: tuple[Account, FaultyAws, CustomerGaugeSandbox], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connector]:
    account, aws, vendor = surroundings
    with Connector(account, aws, vendor, monkeypatch).set_up() as ready:
        yield ready


@pytest.fixture
def everybody_logs(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:  # they write to its streams
    """Let every logger log all there is, libraries' own handlers included; and forget the package's logger before."""
    loggers = [
        logging.root,
        *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)),
    ]
    before = [(one, one.level, one.handlers[:]) for one in loggers]
    raises, own = logging.raiseExceptions, logging.root.manager.loggerDict.pop("personal-link", None)
    observability.logger.cache_clear()
    for one in loggers:
        one.setLevel(logging.NOTSET)
    logging.root.setLevel(logging.DEBUG)
    # Not sys.stderr itself, which pytest exchanges between a fixture and its test.
    with open(2, "w", buffering=1, errors="backslashreplace", closefd=False) as stderr:
        with redirect_stderr(stderr):
            plain = logging.StreamHandler()
            plain.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
            logging.root.addHandler(plain)
            boto3.set_stream_logger("")
            boto3.set_stream_logger("botocore")
            urllib3.add_stderr_logger()
        yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers
    logging.raiseExceptions = raises
    logging.root.manager.loggerDict.pop("personal-link", None)
    if own is not None:
        logging.root.manager.loggerDict["personal-link"] = own
    observability.logger.cache_clear()
