"""Who gets in by HTTP, and what the gateway itself answers."""

import json
from concurrent.futures import ThreadPoolExecutor

from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from personal_link.aws.aws_errors import aws_error_code
from sandbox.aws.http_caller import HttpCaller, HttpReply
from verify.stage import Stage, Wrong, check

CALLS_AT_ONCE = 30


@check("gateway", "A call without a signature is refused.")
def unsigned(stage: Stage) -> str:
    return _refused(stage, HttpCaller(stage))


@check("gateway", "A call with a wrong signature is refused.")
def wrongly_signed(stage: Stage) -> str:
    given = stage.caller().credentials
    if given is None:
        raise Wrong("there are no credentials")
    return _refused(stage, HttpCaller(stage, Credentials(given.access_key, "a wrong secret", given.token)))


@check("gateway", "A call of a role without permission is refused.")
def not_permitted(stage: Stage) -> str:
    return _refused(stage, stage.caller("Stranger"))


@check("gateway", "A call that is too large is answered 413, as the function does.", needs_aws=True)
def too_large(stage: Stage) -> str:
    answer = stage.caller().send("PUT", json.dumps({"record": {"Email": "x" * 11_000_000}}))
    return _answered(answer, 413, "too_large")


@check("gateway", "A call is answered 503 if the function cannot run.", needs_aws=True)
def cannot_run(stage: Stage) -> str:
    functions, name = stage.client("lambda"), stage.stack.resource("HttpApiFunction")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        answer = stage.wait(lambda: _failed(_put(stage, stage.caller())), "the function still ran")
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    return _answered(answer, 503, "internal_error", "5")


@check("gateway", "More calls than the limit are answered 429 with Retry-After.", needs_aws=True)
def throttled(stage: Stage) -> str:
    stage.update(HttpRateLimit="1", HttpBurstLimit="1")
    caller = stage.caller()

    def burst() -> HttpReply | None:
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            answers = list(pool.map(lambda _: _put(stage, caller), range(CALLS_AT_ONCE)))
        return next((one for one in answers if one.status == 429), None)

    try:
        return _answered(stage.wait(burst, "no call was throttled"), 429, "rate_limited", "1")
    finally:
        stage.update(HttpRateLimit="20", HttpBurstLimit="40")


@check("gateway", "The requests queue refuses plain http.", needs_aws=True)
def plain_http(stage: Stage) -> str:
    plain = stage.site.account.session.client("sqs", use_ssl=False)
    try:
        plain.get_queue_attributes(QueueUrl=stage.stack.output("RequestsQueueUrl"))
    except ClientError as failure:
        if "AccessDenied" in aws_error_code(failure):
            return "AccessDenied"
        raise
    raise Wrong("it answered")


def _put(stage: Stage, caller: HttpCaller) -> HttpReply:
    return caller.send("PUT", json.dumps(stage.request("gateway")))


def _refused(stage: Stage, caller: HttpCaller) -> str:
    for method in ("PUT", "POST"):
        request = stage.request("refused")
        status = caller.send(method, json.dumps(request)).status
        if status != 403:
            raise Wrong(f"{method} was answered {status}")
    return "403 by PUT and POST"


def _failed(answer: HttpReply) -> HttpReply | None:
    return answer if answer.status >= 500 else None


def _answered(answer: HttpReply, status: int, code: str, retry_after: str | None = None) -> str:
    try:
        found = answer.json().get("code")
    except ValueError:
        found = "a body that is not JSON"
    seen = f"{answer.status}, {found}, Retry-After: {answer.headers.get('retry-after')}"
    if (answer.status, found, answer.headers.get("retry-after")) != (status, code, retry_after):
        raise Wrong(seen)
    return seen
