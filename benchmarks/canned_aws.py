"""Canned replies to the AWS calls of this process, by botocore's own event `before-send`: no network, no waiting.

The emulator takes longer for an answer than the connector takes for everything else, and would hide it. Every
conditional write succeeds: a measured request is always a new one.

This module is also copied beside a handler that Lambda's runtime starts, so it imports nothing of this repository.
"""

import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

calls: deque[tuple[str, int]] = deque(maxlen=100)  # the last ones: the operation, and the bytes of its body


def install() -> None:
    """Let every botocore session made from now on get the replies; `CANNED_SECRET` is the credentials secret."""
    handlers.BUILTIN_HANDLERS.append(("before-send", reply))


def reply(request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
    """Answer a call. Raises KeyError for an operation without a reply."""
    operation = event_name.rpartition(".")[2]
    body: Any = request.body  # bytes: none of these operations sends a stream
    calls.append((operation, len(body)))
    content = json.dumps(_REPLIES[operation](json.loads(body))).encode()
    return AWSResponse(str(request.url), 200, HTTPHeaders(), _Body(content))


class _Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        """Yield the whole body, as urllib3 does."""
        yield self.read()


def _secret(call: Mapping[str, Any]) -> dict[str, Any]:
    text = os.environ["CANNED_SECRET"] if "credentials" in call["SecretId"] else "{}"
    return {"ARN": call["SecretId"], "SecretString": text, "VersionId": "first"}


def _batch(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"Successful": [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in call["Entries"]], "Failed": []}


_REPLIES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "PutItem": lambda _call: {},
    "UpdateItem": lambda _call: {},
    "GetSecretValue": _secret,
    "PutSecretValue": lambda _call: {},
    "SendMessage": lambda _call: {"MessageId": "0"},
    "SendMessageBatch": _batch,
    "ChangeMessageVisibilityBatch": _batch,
}
