"""Moto's AWS behind a real socket that misbehaves on demand: it stands between botocore and the account.

    aws.script("dynamodb", "PutItem", THROTTLED, LOST)

lets the next two calls of an operation fail; every other call is the account's. Only JSON protocols, which are those of
the three services that the connector calls.
"""

import base64
import itertools
import json
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Self

from botocore import xform_name
from botocore.exceptions import ClientError

from sandbox.customergauge.call import Call
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.wire import VendorServer
from tests.aws.account import Account

THROTTLED: Final = Reply(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
DENIED: Final = Reply(400, {"__type": "AccessDeniedException", "message": "not authorized to perform this"})
NOT_DECRYPTED: Final = Reply(400, {"__type": "DecryptionFailure", "message": "the key is disabled"})
DOWN: Final = Reply(500, {"__type": "InternalServerError", "message": "oops"})
SILENT: Final = Reply(fault="hang")
RESET: Final = Reply(fault="reset")
LOST: Final = Reply(fault="close", commit=True)  # done, and the answer lost
PROXY_PAGE: Final = Reply.html(200)
EMPTY: Final = Reply(200, {})


class FaultyAws:
    """One account's DynamoDB, SQS and Secrets Manager on one loopback port."""

    def __init__(self, account: Account) -> None:
        self._clients: dict[str, Any] = {
            "DynamoDB_20120810": account.dynamodb,
            "AmazonSQS": account.sqs,
            "secretsmanager": account.secretsmanager,
        }
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._calls: list[str] = []
        self._server = VendorServer(0, self._answer, itertools.count(1), None)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.stop()

    def script(self, operation: str, *replies: Reply) -> None:
        """Answer the next calls of an operation like this; `commit` replies are carried out first."""
        self._scripts[operation].extend(replies)

    def forgive(self) -> None:
        """Forget what is still to fail."""
        self._scripts.clear()

    def calls(self, operation: str) -> int:
        """Return how often an operation was called, botocore's own repetitions included."""
        return self._calls.count(operation)

    def _answer(self, call: Call) -> Reply:
        service, _, operation = call.headers["X-Amz-Target"].partition(".")
        self._calls.append(operation)
        act = _of_account(getattr(self._clients[service], xform_name(operation)), call.body)
        script = self._scripts[operation]
        return script.popleft().instead_of(act) if script else act()


def _of_account(operation: Callable[..., Any], body: bytes) -> Callable[[], Reply]:
    def act() -> Reply:
        try:
            answer = operation(**json.loads(body, object_hook=_off_the_wire))
        except ClientError as refusal:
            error = {"__type": refusal.response["Error"]["Code"], "message": "refused"}
            return _reply(400, {**refusal.response, **error})
        return _reply(200, answer)

    return act


def _reply(status: int, content: object) -> Reply:
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return Reply(status, json.dumps(content, default=_on_the_wire).encode(), headers)


def _off_the_wire(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64decode(value["B"])} if value.keys() == {"B"} else value


def _on_the_wire(value: object) -> float | str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    assert isinstance(value, datetime), type(value)
    return value.timestamp()
