"""Composition root: build the clients and objects of each function, once per environment."""

import gc
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session
from snapshot_restore_py import register_after_restore

from personal_link import observability
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import TokenSecret
from personal_link.customergauge.access_token import AccessToken, TokenCache, run_in_background
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Clock, Deadline, SystemClock
from personal_link.issue_link import LinkIssuer
from personal_link.settings import Settings, load_queue_settings, load_settings, runs_in_lambda
from personal_link.triggers import event_mappings
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# botocore's default timeouts are 60 s. With these, a call that hangs ends within `clock.LONGEST_AWS_CALL`, which the
# deadlines keep in reserve; with more than three addresses of an endpoint that all hang it takes longer, because each
# has its own connect timeout. A fixed user agent saves building one for each call.
_AWS_CALLS = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent="personal-link",
)


def warm_up(build: Callable[[], object]) -> None:
    """Build a function's objects in Lambda's init phase, which has a full CPU; do nothing in any other process.

    Ignore a failure: the first invocation fails in the same way, and can tell the caller and the log.
    """
    if runs_in_lambda():
        gc.disable()  # all of it lives as long as the environment: a search for garbage is a tenth of the start
        with suppress(Exception):
            build()
        gc.freeze()
        gc.enable()


@cache
def http_api() -> HttpApi:
    """Return the objects of `http_api`. Raises SettingsError."""
    settings = load_settings()
    observability.configure(settings.log_level, settings.stack_name)
    clock = SystemClock()
    return HttpApi(
        _issuer(settings, clock), ResultsQueue(_client("sqs"), settings.results_queue_url, settings.echo_record)
    )


@cache
def direct_invocation() -> DirectInvocation:
    """Return the objects of `direct_invocation`. Raises SettingsError."""
    settings = load_settings()
    observability.configure(settings.log_level, settings.stack_name)
    clock = SystemClock()
    return DirectInvocation(
        _issuer(settings, clock),
        ResultsQueue(_client("sqs"), settings.results_queue_url, settings.echo_record),
        event_mappings.load_deployed(settings.mappings_layer_arn).apply,
        clock,
    )


@cache
def batch_worker() -> BatchWorker:
    """Return the objects of `queue_worker`. Raises SettingsError."""
    queue_settings = load_queue_settings()
    settings, clock = queue_settings.connector, SystemClock()
    observability.configure(settings.log_level, settings.stack_name)
    sqs = _client("sqs")
    share = queue_settings.vendor_calls_per_second / queue_settings.maximum_concurrency
    breaker = CircuitBreaker(clock, queue_settings.batch_concurrency, calls_a_second=share)
    register_after_restore(breaker.forget)
    return BatchWorker(
        issuer=_issuer(settings, clock),
        results=ResultsQueue(sqs, settings.results_queue_url, settings.echo_record),
        requests=RequestsQueue(sqs, queue_settings.requests_queue_url, queue_settings.parked_queue_url),
        breaker=breaker,
        retry_window=queue_settings.retry_window_hours * 3600.0,
        clock=clock,
        concurrency=queue_settings.batch_concurrency,
        map_event=event_mappings.load_deployed(settings.mappings_layer_arn).apply,
    )


def _issuer(settings: Settings, clock: Clock) -> LinkIssuer:
    transport = Transport(clock)
    customergauge = CustomerGauge(
        transport,
        clock,
        auth_base_url=settings.auth_base_url,
        imports_base_url=settings.imports_base_url,
        encoding=settings.encoding,
    )
    dynamodb: DynamoDBClient = _client("dynamodb")
    secretsmanager = _client("secretsmanager")
    secret = CredentialsSecret(secretsmanager, settings.credentials_secret_arn, clock)
    fetch: Callable[[Deadline], AccessToken] = partial(fetch_token, secret, customergauge)
    if settings.access_token_secret_arn:
        fetch = SharedToken(
            TokenLease(dynamodb, settings.ledger_table, clock),
            TokenSecret(secretsmanager, settings.access_token_secret_arn),
            secret,
            fetch,
            origin=f"{settings.auth_base_url} {settings.credentials_secret_arn}",
            clock=clock,
        ).fetch
    tokens = TokenCache(fetch, clock, run_in_background)
    # SnapStart may restore a snapshot days later and many times: drop what may not be old or shared.
    for forget in (tokens.forget, secret.forget, transport.forget_connections):
        register_after_restore(forget)
    register_after_restore(random.seed)  # else all restored environments back off in step
    return LinkIssuer(
        ledger=Ledger(dynamodb, settings.ledger_table, settings.ledger_days, clock),
        tokens=tokens,
        customergauge=customergauge,
        clock=clock,
        default_configuration=settings.default_configuration,
        known_headings=settings.known_headings,
    )


def _client(service: str) -> Any:
    """Return an AWS client. botocore alone starts faster than boto3."""
    client = _session().create_client(service, config=_AWS_CALLS)
    register_after_restore(client.close)  # it reconnects by itself
    return client


@cache
def _session() -> Session:
    session = Session()
    session.register_component("data_loader", _Models())
    return session


class _Models(Loader):
    """List only the services that are called here: botocore would search the models of all four hundred."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # each of them has every type
        return ["dynamodb", "secretsmanager", "sqs"]
