"""Logs and traces, searched for what all requests of this run had in them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import batched

from verify.check import check
from verify.checks.triggers import every_trigger
from verify.stage import DOMAIN, FIRST_NAME, FUNCTIONS, LINK, TOKEN, Stage, Wrong


@check("No log shows a record, a link, the token or the secret.", "what Lambda itself logs too")
def logs(stage: Stage) -> str:
    lines = _lines(stage)
    if lines is None:  # no other check ran before
        every_trigger(stage)
        lines = stage.wait(lambda: _lines(stage), "not every function logged")
    for name, found in lines.items():
        _search(stage, found, name)
    return f"{sum(map(len, lines.values()))} lines in {len(lines)} logs"


@check("No trace shows them either.", "what X-Ray records of a function", needs_aws=True)
def traces(stage: Stage) -> str:
    stage.update(Tracing="Active")
    request = stage.request("trace")
    stage.caller().send("PUT", json.dumps(request))
    stage.created(request)
    xray, began = stage.client("xray"), datetime.fromtimestamp(stage.began, UTC)
    service = f'service("{stage.stack.resource(FUNCTIONS[0])}")'

    def look() -> list[str] | None:
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=began, EndTime=datetime.now(UTC), FilterExpression=service
        )
        return [one["Id"] for page in pages for one in page["TraceSummaries"]] or None

    ids = stage.wait(look, "there is no trace")
    found = [
        json.dumps(xray.batch_get_traces(TraceIds=list(some)), default=str) for some in batched(ids, 5, strict=False)
    ]
    _search(stage, found, "the traces")
    return f"{len(ids)} traces"


def _lines(stage: Stage) -> dict[str, list[str]] | None:
    """Return what each log holds, or None if one is empty."""
    groups = stage.stack.of_type("AWS::Logs::LogGroup")
    lines = {name: list(stage.log(group)) for name, group in groups.items()}
    return lines if all(lines.values()) else None


def _search(stage: Stage, lines: Iterable[str], where: str) -> None:
    telling = {
        "an e-mail": DOMAIN,
        "a name": FIRST_NAME,
        "a link": LINK,
        "a token": TOKEN,
        "the secret": stage.client_secret,
    }
    text = "\n".join(lines)
    if shown := [what for what, value in telling.items() if value in text]:
        raise Wrong(f"{where} shows {', '.join(shown)}")
