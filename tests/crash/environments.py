"""Lambda environments of the three functions, as the wiring builds them, but over a clock that the tests move."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import direct_invocation
import http_api
import queue_worker
from personal_link.aws import token_lease
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import TokenSecret
from personal_link.customergauge.access_token import TokenCache, run_in_background
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Clock
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.deliveries import no_mapping
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account
from tests.crash.interruptions import Interruptions, WatchedTransport
from tests.fake_clock import FakeClock
from tests.lambda_environment import Context

DAY = 86_400.0


@dataclass(frozen=True)
class Environment:
    """The objects of one Lambda environment: caches, connections, the cores of the functions."""

    http: HttpApi
    worker: BatchWorker
    direct: DirectInvocation


@dataclass
class Connector:
    """The account, the vendor, the clock, and the current environment."""

    account: Account
    vendor: CustomerGaugeSandbox
    clock: FakeClock
    interruptions: Interruptions
    receipt: str  # one that SQS knows, so that a message can be hidden
    shares_token: bool = False

    def __post_init__(self) -> None:
        self.replace_environment()

    def replace_environment(self) -> None:
        """Replace the environment by a new one without any state."""
        transport = WatchedTransport(self.clock, self.interruptions, self.vendor)
        self.environment = an_environment(self.account, self.vendor, self.clock, transport, shared=self.shares_token)

    def forget_the_shared_token(self) -> None:
        """Remove the shared token, as in a stack that was just deployed."""
        table, secrets = self.account.ledger_table, self.account.secretsmanager
        secrets.put_secret_value(SecretId=self.account.token_secret_arn, SecretString="{}")
        self.account.dynamodb.delete_item(TableName=table, Key={"pk": {"S": token_lease.KEY}})

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the HTTP function."""
        answer: dict[str, Any] = http_api.handler(event, Context(28))
        return answer

    def invoke(self, payload: object, invocation: str) -> dict[str, Any]:
        """Invoke the function of direct invocations. Raises an error whose class is named by its code."""
        return direct_invocation.handler(payload, Context(60, invocation))

    def work(self, records: list[dict[str, Any]]) -> set[str]:
        """Invoke the queue worker; return the ids of the messages that stay in the queue."""
        failures = queue_worker.handler({"Records": records}, Context(60))["batchItemFailures"]
        return {failure["itemIdentifier"] for failure in failures}


def an_environment(
    account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock, transport: Transport, *, shared: bool = False
) -> Environment:
    customergauge = CustomerGauge(transport, clock, auth_base_url=vendor.base_url, imports_base_url=vendor.base_url)
    secret = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    fetch = partial(fetch_token, secret, customergauge)
    lease = TokenLease(account.dynamodb, account.ledger_table, clock)
    token_secret = TokenSecret(account.secretsmanager, account.token_secret_arn)
    token = SharedToken(lease, token_secret, secret, fetch, origin="sandbox", clock=clock, sleep=clock.advance)
    issuer = LinkIssuer(
        ledger=Ledger(account.dynamodb, account.ledger_table, 21, clock),
        tokens=TokenCache(token.fetch if shared else fetch, clock, run_in_background),
        customergauge=customergauge,
        clock=clock,
        default_configuration="contact",
        sleep=clock.advance,
    )
    results = ResultsQueue(account.sqs, account.results_url, echo_record=True)
    worker = a_worker(issuer, results, RequestsQueue(account.sqs, account.requests_url, account.parked_url), clock)
    return Environment(HttpApi(issuer, results), worker, DirectInvocation(issuer, results, no_mapping, clock))


def a_worker(issuer: Any, results: Any, requests: Any, clock: Clock, **settings: Any) -> BatchWorker:
    """Return a worker of these parts, or of doubles of them, with these settings beside the template's."""
    usual: dict[str, Any] = {
        "breaker": CircuitBreaker(clock, 10),
        "concurrency": 10,
        "map_event": no_mapping,
        "retry_window": DAY,
    }
    return BatchWorker(issuer=issuer, results=results, requests=requests, clock=clock, **(usual | settings))
