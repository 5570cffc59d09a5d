"""A number that a document says in words is the one in the code or the template."""

import pytest

from personal_link.aws import credentials_secret, shared_token, token_lease
from personal_link.customergauge import access_token, client
from personal_link.domain.errors import CODES, Code
from tests.docs.documents import DOCS
from tests.docs.known import alarms, parameters, resources

REQUESTS_QUEUE = resources("AWS::SQS::Queue")["RequestsQueue"]
WORKER = resources("AWS::Serverless::Function")["QueueWorkerFunction"]


@pytest.mark.parametrize(
    ("page", "told", "actual", "expected"),
    [
        ("architecture", "waits, 30 s at most", CODES[Code.IN_PROGRESS].longest_delay, 30),
        ("architecture", "waits, 15 minutes at most", CODES[Code.FORBIDDEN].longest_delay, 900),
        ("architecture", "for 9 s at most", shared_token.PATIENCE, 9),
        ("architecture", "no more than one write in ten minutes", token_lease.WRITE_INTERVAL, 600),
        ("architecture", "from three quarters of its life on", access_token.RENEW_AT, 0.75),
        ("architecture", "remembers refused credentials for 30 s", access_token.REFUSAL_PAUSE, 30),
        ("architecture", "up to ten messages", WORKER["Events"]["Requests"]["Properties"]["BatchSize"], 10),
        ("runbook", "received a thousand times", REQUESTS_QUEUE["RedrivePolicy"]["maxReceiveCount"], 1000),
        ("runbook", "within fifteen minutes", max(meaning.longest_delay for meaning in CODES.values()), 900),
        ("runbook", "(72 at most)", parameters()["RetryWindowHours"]["MaxValue"], 72),
        ("runbook", "read within five minutes", credentials_secret.FRESH_FOR, 300),
        ("runbook", "comes again after six minutes", REQUESTS_QUEUE["VisibilityTimeout"], 360),
        ("runbook", "is waited for up to 10 s", client.LINK_LIMIT, 10),
        ("runbook", "a token up to 5 s", client.TOKEN_LIMIT, 5),
        ("runbook", "for more than half an hour", alarms()["OldestRetry"]["Threshold"], 1800),
        ("runbook", "for more than an hour", alarms()["OldestRequest"]["Threshold"], 3600),
        ("runbook", "More than 100,000 requests are in flight", alarms()["RequestsInFlight"]["Threshold"], 100_000),
        ("runbook", "More than five HTTP calls in five minutes", alarms()["HttpErrors"]["Threshold"], 5),
        ("runbook", "takes more than ten seconds", alarms()["HttpLatency"]["Threshold"], 10_000),
        ("runbook", "More than 30 access tokens were fetched", alarms()["TokenFetchRate"]["Threshold"], 30),
        ("upgrade", "come again after six minutes", REQUESTS_QUEUE["VisibilityTimeout"], 360),
        ("upgrade", "365 days (the most `LedgerDays`)", parameters()["LedgerDays"]["MaxValue"], 365),
    ],
)
def test_a_number_is_that_of_the_code(page: str, told: str, actual: float, expected: float) -> None:
    assert told in " ".join((DOCS / f"{page}.md").read_text().split())
    assert actual == expected


@pytest.mark.parametrize("alarm", ["WorkerThrottles", "HttpLatency"])
def test_what_lasts_a_quarter_of_an_hour_does(alarm: str) -> None:
    assert alarms()[alarm]["Period"] * alarms()[alarm]["EvaluationPeriods"] == 900
