"""The handlers between an AWS and a vendor that know the canaries, and all that anybody gets to see of them."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

import pytest

import direct_invocation
import http_api
import queue_worker
from personal_link import observability
from personal_link.aws import token_lease
from personal_link.domain.error_texts import is_known
from personal_link.domain.errors import RequestError
from sandbox.customergauge.server import TOKEN_PATH as TOKENS
from sandbox.customergauge.server import Call, CustomerGaugeSandbox, Reply
from tests.aws.account import Account
from tests.faults.faulty_aws import FaultyAws
from tests.lambda_environment import Context, forget
from tests.leaks.canaries import (
    CANARIES,
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    LINK,
    LINKS,
    OF_THE_RECORD,
    RECORD,
    REFERENCE,
    SHORT_LINK,
    TOKEN,
    Canary,
    canaries_in,
)
from tests.leaks.watch import opened_files_and_sent_datagrams, raised_by_the_package, told_by

REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
MESSAGE_ID: Final = "059f36b4-87a3-44ab-83d2-66197{:07d}"
SECRET: Final = json.dumps({"client_id": CLIENT_ID.value, "client_secret": CLIENT_SECRET.value})
GRANTED: Final = Reply(200, {"access_token": TOKEN.value, "token_type": "Bearer", "expires_in": 3600})
LINKED: Final = Reply(
    200,
    {"data": {"number_customergauge": 1, "survey_link": LINK.value, "survey_link_short": SHORT_LINK.value}},
)


@dataclass
class Connector:
    """Plays requests to the handlers and keeps what comes back."""

    account: Account
    aws: FaultyAws
    vendor: CustomerGaugeSandbox
    monkeypatch: pytest.MonkeyPatch
    seen: list[tuple[str, str, tuple[Canary, ...]]] = field(default_factory=list)  # where, what, what is allowed there
    played: int = 0

    @contextmanager
    def set_up(self) -> Iterator[Self]:
        """Let the vendor grant and link, fill in the secret, begin a new environment; clean up afterwards."""
        with _quietly():
            self.vendor.reset()
            self.aws.forgive()
            self.account.secretsmanager.put_secret_value(SecretId=self.account.secret_arn, SecretString=SECRET)
            self.account.secretsmanager.put_secret_value(SecretId=self.account.token_secret_arn, SecretString="{}")
            self.account.dynamodb.delete_item(TableName=self.account.ledger_table, Key={"pk": {"S": token_lease.KEY}})
        self.vendor.misbehave = lambda call: GRANTED if call.path == TOKENS else LINKED
        forget()
        yield self
        forget()

    def fill_secret(self, **secret: Any) -> None:
        """Put something else into the secret, as `SecretString` or `SecretBinary`."""
        with _quietly():
            self.account.secretsmanager.put_secret_value(SecretId=self.account.secret_arn, **secret)

    def key(self) -> str:
        """Return an idempotency key that was not used before, and is a canary too."""
        self.played += 1
        return f"{KEY.value}-{self.played}"

    def call(self, body: object = None, *, seconds: float = 28, **event: Any) -> None:
        """Send an HTTP request, REQUEST's record if no body is given; other parts of API Gateway's event by name."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": self.key(), **event.pop("headers", {})}
        whole = {
            "httpMethod": "PUT",
            "headers": headers,
            "body": body if isinstance(body, str) else json.dumps(body or a_request()),
            "isBase64Encoded": False,
            "requestContext": {
                "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
                "requestId": REQUEST_ID,
                "requestTimeEpoch": round(time.time() * 1000),
            },
        }
        try:
            answer = http_api.handler({**whole, **event}, Context(seconds))
        except Exception as error:  # noqa: BLE001 - Lambda would log any of them
            self._see("what http_api raised", told_by(error))
        else:
            is_link = answer["statusCode"] == 200
            self._see(f"the HTTP answer {answer['statusCode']}", repr(answer), LINKS if is_link else ())

    def invoke(self, payload: object = None, *, seconds: float = 60) -> None:
        """Invoke directly, with a request of a key of its own if no payload is given."""
        try:
            answer = direct_invocation.handler(
                {**a_request(), "idempotency_key": self.key()} if payload is None else payload, Context(seconds)
            )
        except Exception as error:  # noqa: BLE001 - Lambda logs it, and tells whoever invoked
            self._see("what direct_invocation raised", told_by(error))
        else:
            self._see("what direct_invocation returned", repr(answer), (*OF_THE_RECORD, *LINKS, REFERENCE))

    def deliver(self, *bodies: object, seconds: float = 60, **record: Any) -> None:
        """Hand a batch to the worker, a message for each body; other parts of its records by name."""
        records = [self._record(body or {**a_request(), "idempotency_key": self.key()}, record) for body in bodies]
        try:
            answer = queue_worker.handler({"Records": records}, Context(seconds))
        except Exception as error:  # noqa: BLE001 - as above
            self._see("what queue_worker raised", told_by(error))
        else:
            self._see("the worker's answer", repr(answer))

    def _record(self, body: object, changes: Mapping[str, Any]) -> dict[str, Any]:
        self.played += 1
        record = {
            "messageId": MESSAGE_ID.format(self.played),
            "receiptHandle": f"receipt-{self.played}",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(time.time() * 1000))},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        return {**record, **changes}

    def leaks_on(self, path: "Callable[[Connector], None]", capfd: pytest.CaptureFixture[str]) -> list[str]:
        """Take a path; return each canary where it may not be: written, raised, sent, stored, queued or answered.

        And each file that is written and datagram that is sent, whatever it holds; each error of ours with another text
        than those that are listed, which might hold a hash or a part of something.
        """
        with raised_by_the_package() as raised, opened_files_and_sent_datagrams() as used:
            path(self)
        logging.root.error("the handlers of others still write")
        observability.logger().error("and so does our own")
        out, err = capfd.readouterr()
        assert "still write" in err  # or nothing would be found for another reason
        assert "our own" in out
        with _quietly():
            self._look_around()
        self._see("stdout", out)
        self._see("stderr", err)
        for error in raised:
            self._see(f"{type(error).__name__} and what is behind it", told_by(error))
        unlisted = {
            type(error).__name__ for error in raised if isinstance(error, RequestError) and not is_known(error.message)
        }
        return [
            *used,
            *(f"{name}: its text is not on the list of details" for name in sorted(unlisted)),
            *(
                f"{where}: {found}"
                for where, text, allowed in self.seen
                for found in canaries_in(text, tuple(canary for canary in CANARIES if canary not in allowed))
            ),
        ]

    def _look_around(self) -> None:
        for endpoint in ("token", "personal-link"):
            for call in self.vendor.calls(endpoint):
                self._see(f"the vendor's {endpoint} URL", _target(call))
        for item in self.account.ledger_items():
            self._see("the ledger", repr(item), LINKS)
            self.account.dynamodb.delete_item(TableName=self.account.ledger_table, Key={"pk": item["pk"]})
        for message in self.account.results():
            self._see("a result's attributes", repr(message["MessageAttributes"]))
            self._see("a result", message["Body"], (*OF_THE_RECORD, *LINKS, REFERENCE))
        for message in self.account.parked():
            self._see("a parked message's attributes", repr(message["MessageAttributes"]))

    def _see(self, where: str, text: str, allowed: tuple[Canary, ...] = ()) -> None:
        self.seen.append((where, text, allowed))


def a_request() -> dict[str, object]:
    """Return a good request, made of canaries."""
    return {"configuration": "contact", "record": RECORD, "reference": REFERENCE.value}


def _target(call: Call) -> str:
    headers = [f"{name}: {value}" for name, value in call.headers.items() if name.lower() != "authorization"]
    return "\n".join([call.path, *headers])


@contextmanager
def _quietly() -> Iterator[None]:
    """Let the test's own AWS calls write nothing, whatever the levels are."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
