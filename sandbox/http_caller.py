"""A caller of the stack's HTTP API: signed by an IAM user who may do nothing else, or unsigned."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.emulator import REGION
from sandbox.stack import Stack

_USER = "personal-link-caller"


@dataclass(frozen=True)
class HttpReply:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> dict[str, Any]:
        """Return the body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class HttpCaller:
    """Calls the API with a signature, or without one if it has no credentials."""

    stack: Stack
    credentials: Credentials | None = None

    def send(self, method: str, body: str | bytes, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send one request; a body is JSON unless the headers say otherwise."""
        url = self.stack.http_url
        request = AWSRequest(method, url, data=body, headers={"Content-Type": "application/json", **(headers or {})})
        if self.credentials:
            SigV4Auth(self.credentials, "execute-api", REGION).add_auth(request)
        address = urlsplit(url)
        trust = ssl.create_default_context(cafile=str(self.stack.emulator.authority))
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


def permitted_caller(stack: Stack) -> HttpCaller:
    """Return a caller whose IAM user, made here, may invoke this stack's API and do nothing else."""
    api_id, stage = urlsplit(stack.http_url).path.split("/")[3:5]
    resource = f"arn:aws:execute-api:{REGION}:*:{api_id}/{stage}/*/personal-link"
    policy = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}
    return caller_with_policy(stack, _USER, policy)


def caller_with_policy(stack: Stack, user: str, statement: Mapping[str, object] | None) -> HttpCaller:
    """Return a caller signed by a new IAM user of that name, whose only policy is this statement."""
    stack.iam.create_user(UserName=user)
    if statement:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        stack.iam.put_user_policy(UserName=user, PolicyName="CallPersonalLink", PolicyDocument=policy)
    key = stack.iam.create_access_key(UserName=user)["AccessKey"]
    return HttpCaller(stack, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
