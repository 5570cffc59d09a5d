"""The HTTP answer: an outcome or an error as API Gateway's proxy integration wants it (design, section 3)."""

import json
import math
from typing import Any, Final

from personal_link.domain.errors import CODES, Code, RequestError
from personal_link.domain.outcome import Outcome

HttpAnswer = dict[str, Any]

_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}  # a link is not for caches


def of_outcome(outcome: Outcome) -> HttpAnswer:
    """Return 200 with the vendor's own body for a link, else the error that the outcome holds."""
    headers = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
    if outcome.personal_link is not None:
        return _answer(200, {"data": outcome.personal_link.as_json()}, headers)
    error = dict(outcome.error or {})
    return _answer(CODES[Code(error["code"])].http_status, error, headers)


def of_error(error: RequestError) -> HttpAnswer:
    """Return an error that is no outcome: the request was refused on arrival, or may be tried again."""
    meaning = CODES[error.code]
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.errors:
        body["errors"] = error.errors
    wait = meaning.http_retry_after if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return _answer(meaning.http_status, body, {"Retry-After": str(wait)} if wait else {})


def _answer(status: int, body: object, headers: dict[str, str]) -> HttpAnswer:
    return {"statusCode": status, "headers": {**_HEADERS, **headers}, "body": json.dumps(body)}
