"""Callers of the stack's HTTP API: signed by an IAM user, with an API key, or anonymous."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.aws.emulator import REGION
from sandbox.aws.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_USER = "personal-link-caller"


@dataclass(frozen=True)
class HttpReply:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> dict[str, Any]:
        """Return the body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Called(Protocol):
    """What a caller knows of a stack. `authority` is the certificate to trust; None stands for the machine's own."""

    @property
    def http_url(self) -> str: ...  # noqa: D102  # the class says it
    @property
    def region(self) -> str: ...  # noqa: D102  # the class says it
    @property
    def authority(self) -> Path | None: ...  # noqa: D102  # the class says it


@dataclass(frozen=True)
class HttpCaller:
    """Call the API, with a signature if there are credentials and with an API key if there is one."""

    stack: Called
    credentials: Credentials | None = None
    api_key: str | None = None

    def send(
        self, method: str, body: str | bytes, headers: Mapping[str, str] | None = None, *, url: str = ""
    ) -> HttpReply:
        """Send one request to the stack's path or to `url`. The body is JSON unless the headers say otherwise."""
        url = url or self.stack.http_url
        key = {"x-api-key": self.api_key} if self.api_key else {}
        sent = {"Content-Type": "application/json", **key, **(headers or {})}
        request = AWSRequest(method, url, data=body, headers=sent)
        if self.credentials:
            SigV4Auth(self.credentials, "execute-api", self.stack.region).add_auth(request)
        address = urlsplit(url)
        trust = ssl.create_default_context(cafile=self.stack.authority)
        connection = http.client.HTTPSConnection(address.netloc, timeout=40, context=trust)
        try:
            connection.request(method, address.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            text = answer.read().decode()
            return HttpReply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()


def anonymous_caller(stack: Stack) -> HttpCaller:
    """Return a caller without a signature."""
    return HttpCaller(stack)


def keyed_caller(stack: Stack, key_id: str) -> HttpCaller:
    """Return a caller with an API key, by the key's id, and without a signature."""
    gateway = stack.emulator.client("apigateway")
    return HttpCaller(stack, api_key=gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])


def permitted_caller(stack: Stack) -> HttpCaller:
    """Create an IAM user that may only invoke this stack's API, and return its caller."""
    api_id, stage = urlsplit(stack.http_url).path.split("/")[3:5]
    resource = f"arn:aws:execute-api:{REGION}:*:{api_id}/{stage}/*/personal-link"
    policy = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}
    return caller_with_policy(stack, _USER, policy)


def caller_with_policy(
    stack: Stack, user: str, statement: Mapping[str, object] | None, iam: "IAMClient | None" = None
) -> HttpCaller:
    """Create an IAM user with this statement as its only policy, and return its caller.

    The user belongs to the stack's account unless `iam` is a client of another account.
    """
    iam = iam or stack.iam
    iam.create_user(UserName=user)
    if statement:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="CallPersonalLink", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return HttpCaller(stack, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
