"""What a function does before its first invocation, and after it was restored from a snapshot (SnapStart)."""

import gc
import importlib
import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import snapshot_restore_py
from botocore.session import Session

import direct_invocation
import http_api
import queue_worker
from personal_link import wiring
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account
from tests.handlers.conftest import ADA, api_event
from tests.lambda_environment import Context, lambda_environment


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, account: Account, vendor: CustomerGaugeSandbox) -> Iterator[None]:
    with lambda_environment(monkeypatch, account, vendor, ACCESS_TOKEN_SECRET_ARN=""):
        yield


@pytest.fixture
def restore() -> Callable[[], None]:
    """Do what the runtime does after a restore: call what this test's environment registered."""
    before = len(snapshot_restore_py.get_after_restore())

    def call_the_hooks() -> None:
        for hook, arguments, named in snapshot_restore_py.get_after_restore()[before:]:
            hook(*arguments, **named)

    return call_the_hooks


@pytest.fixture
def secret_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The id of each secret that is read, by any client that is made."""
    reads: list[str] = []
    create = Session.create_client

    def watch(params: dict[str, Any], **_: object) -> None:
        reads.append(params["SecretId"])

    def create_and_watch(*arguments: Any, **named: Any) -> Any:
        client = create(*arguments, **named)
        client.meta.events.register("provide-client-params.secrets-manager.GetSecretValue", watch)
        return client

    monkeypatch.setattr(Session, "create_client", create_and_watch)
    return reads


def call(number: int) -> int:
    status: int = http_api.handler(api_event(ADA, key=f"call-{number}"), Context())["statusCode"]
    return status


# Before the first invocation


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "personal-link")
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("in_lambda")
@pytest.mark.parametrize(
    ("module", "built"),
    [(http_api, wiring.http_api), (queue_worker, wiring.batch_worker), (direct_invocation, wiring.direct_invocation)],
)
def test_loading_a_handler_in_lambda_builds_everything_and_calls_no_service(
    module: ModuleType, built: Any, vendor: CustomerGaugeSandbox, secret_reads: list[str]
) -> None:
    assert built.cache_info().currsize == 0

    importlib.reload(module)

    assert built.cache_info().currsize == 1
    assert vendor.calls("token") == []
    assert secret_reads == []


def test_loading_a_handler_outside_of_lambda_builds_nothing() -> None:
    importlib.reload(http_api)

    assert wiring.http_api.cache_info().currsize == 0


@pytest.mark.usefixtures("in_lambda")
@pytest.mark.parametrize("failure", [None, ValueError()])
def test_garbage_collection_is_off_only_while_everything_is_built(failure: Exception | None) -> None:
    collected: list[bool] = []

    def build() -> None:
        collected.append(gc.isenabled())
        if failure:
            raise failure

    wiring.warm_up(build)

    assert collected == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


# After a restore


def test_an_environment_restored_from_a_snapshot_fetches_token_and_secret_again_over_new_connections(
    vendor: CustomerGaugeSandbox, secret_reads: list[str], restore: Callable[[], None]
) -> None:
    assert call(1) == 200
    api = wiring.http_api()

    restore()

    assert call(2) == 200
    assert wiring.http_api() is api  # with the clients that it had
    assert len(vendor.calls("token")) == 2
    assert len(secret_reads) == 2
    before, after = [request.connection for request in vendor.calls("personal-link")]
    assert before != after


def test_environments_restored_from_one_snapshot_have_different_jitter(restore: Callable[[], None]) -> None:
    assert call(1) == 200
    snapshot = random.getstate()
    restore()
    one = random.random()
    random.setstate(snapshot)

    restore()

    assert random.random() != one
