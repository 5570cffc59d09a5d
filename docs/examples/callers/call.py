"""Ask for a survey link with a signature. Needs boto3, which brings botocore and urllib3."""

import json
import os
import random
import sys
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

URL = os.environ["PERSONAL_LINK_URL"]
ATTEMPTS = 5
LONGEST_WAIT = 20.0  # seconds; send a request that can wait longer to the queue
TRY_AGAIN = {"in_progress", "rate_limited", "unavailable", "internal_error", "no_answer"}

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=35), retries=False)  # the API gives up after 29 s
credentials: Any = Session().get_credentials()
region = os.environ["AWS_REGION"]


class NoLinkError(Exception):
    """There is no link; `code` says why."""

    def __init__(self, code: str, message: str, errors: Mapping[str, list[str]]) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.errors = code, errors


def personal_link(request: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the link for a request; every retry uses the same key. Raises NoLinkError."""
    for attempt in range(1, ATTEMPTS + 1):
        wait = random.uniform(0.5, 1) * 2**attempt
        try:
            status, headers, answer = _send(request, key)
        except (urllib3.exceptions.HTTPError, ValueError) as error:  # it may have arrived: the key makes a retry safe
            status, headers, answer = 0, {}, {"code": "no_answer", "message": f"No answer came ({error})."}
        if status == 200:
            link: dict[str, Any] = answer["data"]
            return link
        code = answer.get("code", "not_let_in")  # refusals by API Gateway itself have none
        wait = float(headers.get("Retry-After", wait))
        if code not in TRY_AGAIN or attempt == ATTEMPTS or wait > LONGEST_WAIT:
            break
        time.sleep(wait)
    raise NoLinkError(code, str(answer.get("message")), answer.get("errors", {}))


def _send(request: Mapping[str, Any], key: str) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    signed = AWSRequest("PUT", URL, data=json.dumps(request).encode(), headers=headers)
    # Each try is signed anew: a signature is valid for five minutes.
    SigV4Auth(credentials, "execute-api", region).add_auth(signed)
    answer = http.request("PUT", URL, body=signed.data, headers=dict(signed.headers.items()))
    return answer.status, answer.headers, answer.json()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: call.py KEY JSON")
    try:
        print(json.dumps(personal_link(json.loads(sys.argv[2]), key=sys.argv[1])))
    except json.JSONDecodeError as error:
        sys.exit(f"The request is no JSON: {error}")
    except NoLinkError as error:
        sys.exit(f"{error} {json.dumps(error.errors)}")
