"""A bug fails its own record, a crash the whole batch; neither creates a second link."""

import json
from dataclasses import replace
from typing import Any

import pytest

from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.domain.clock import Deadline
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account
from tests.crash.environments import a_worker


def worker_of(account: Account, issuer: LinkIssuer, tokens: TokenCache | None = None) -> BatchWorker:
    return a_worker(
        replace(issuer, tokens=tokens or issuer.tokens),
        ResultsQueue(account.sqs, account.results_url, echo_record=True),
        RequestsQueue(account.sqs, account.requests_url, account.parked_url),
        issuer.clock,
        concurrency=1,  # so that it is known which record meets the failure
    )


def queued(account: Account, email: str) -> dict[str, Any]:
    return account.queued_record(json.dumps({"record": {"Email": email}}))


def work(worker: BatchWorker, *records: dict[str, Any]) -> list[str]:
    return worker.work(records, Deadline.after(20, worker.clock))


def breaking_once(issuer: LinkIssuer, failure: type[BaseException]) -> TokenCache:
    """Return tokens of which the first breaks the thread that asks for it."""
    failures = iter([failure])

    def fetch(deadline: Deadline) -> AccessToken:
        for kind in failures:
            raise kind
        return issuer.tokens.get(deadline)

    return TokenCache(fetch, issuer.clock, lambda renewal: renewal())


@pytest.mark.parametrize("failure", [RecursionError, MemoryError])
def test_an_error_on_one_record_does_not_affect_the_others(
    account: Account, issuer: LinkIssuer, vendor: CustomerGaugeSandbox, failure: type[Exception]
) -> None:
    worker = worker_of(account, issuer, breaking_once(issuer, failure))
    first, second = queued(account, "ada@acme.example"), queued(account, "bob@acme.example")

    assert work(worker, first, second) == [first["messageId"]]
    assert [link.record["Email"] for link in vendor.links] == ["bob@acme.example"]


def test_an_exception_that_ends_the_process_is_not_caught_and_loses_no_link(
    account: Account, issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    first, second = queued(account, "ada@acme.example"), queued(account, "bob@acme.example")
    assert work(worker_of(account, issuer), first) == []

    with pytest.raises(SystemExit):
        work(worker_of(account, issuer, breaking_once(issuer, SystemExit)), first, second)
    again = work(worker_of(account, issuer), first, second)

    assert again == [second["messageId"]]  # its attempt died without a word, so that its lease has to run out
    assert [link.record["Email"] for link in vendor.links] == ["ada@acme.example"]


@pytest.mark.parametrize(
    "odd",
    [
        {"eventSource": "aws:s3", "s3": {"bucket": {"name": "uploads"}, "object": {"key": "contacts.csv"}}},
        {"eventSource": "aws:sqs", "body": "{}", "receiptHandle": "receipt", "attributes": {"SentTimestamp": "0"}},
    ],
    ids=["of another service", "without an id"],
)
def test_a_record_without_a_message_id_retries_the_whole_batch_and_creates_no_second_link(
    account: Account, issuer: LinkIssuer, vendor: CustomerGaugeSandbox, odd: dict[str, Any]
) -> None:
    worker = worker_of(account, issuer)
    good = queued(account, "ada@acme.example")

    with pytest.raises(KeyError):
        work(worker, good, odd)
    assert work(worker, good) == []

    (message,) = account.results()
    assert json.loads(message["Body"])["personal_link"]["survey_link"] == vendor.links[0].survey_link
    assert len(vendor.calls("personal-link")) == 1
