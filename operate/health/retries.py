"""Which requests are being retried. SQS counts them with those in flight; the worker's log tells them apart."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from operate import logs
from operate.stack import Stack
from personal_link.aws.queues import LONGEST_WAIT
from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric

LONGEST_BACK_OFF: Final = 900  # seconds
_at: Final = attrgetter("at")
ATTEMPT: Final = 60  # seconds; so long may the next attempt last before it logs a line


@dataclass(frozen=True, slots=True)
class Retries:
    """The requests that wait for another attempt."""

    count: int
    due: int  # of these: the wait is over, so SQS counts them as waiting or at the worker
    codes: dict[str, int]
    oldest_seconds: int


def pending(stack: Stack, now: float) -> Retries | None:
    """Return the requests being retried; None without one."""
    return _in_metrics(stack, now) if logs.level(stack) == "ERROR" else _in_log(stack, now)


def _in_log(stack: Stack, now: float) -> Retries | None:
    since = now - LONGEST_BACK_OFF - ATTEMPT
    retry = {"message": [logs.RETRY]}
    recent = logs.lines(stack, retry, since, [logs.WORKER])
    # A `Retry-After`, or a turn under VendorCallsPerSecond, may last for hours.
    long = logs.lines(stack, retry, now - LONGEST_WAIT - ATTEMPT, [logs.WORKER], LONGEST_BACK_OFF)
    last = {line.text("message_id"): line for line in sorted([*recent, *long], key=_at)}
    waiting = [line for line in last.values() if line.at + line.number("wait") + ATTEMPT >= now]
    if waiting:  # a busy stack has many outcomes: read no more of them than these retries need
        ended = _ended(stack, max(since, min(map(_at, waiting))))
        waiting = [line for line in waiting if all(line.at >= ended.get(name, 0) for name in _names(line))]
    if not waiting:
        return None
    due = sum(line.at + line.number("wait") <= now for line in waiting)
    oldest = max(line.number("age") + now - line.at for line in waiting)
    codes = Counter(line.text("code") for line in waiting)
    return Retries(len(waiting), due, dict(codes.most_common()), round(oldest))


def _ended(stack: Stack, since: float) -> dict[str, float]:
    """Return when requests ended, by message id and by the digest of the key."""
    ends = logs.lines(stack, {"message": [logs.OUTCOME, logs.PARKED]}, since, [logs.WORKER])
    return {name: line.at for line in sorted(ends, key=_at) for name in _names(line)}


def _names(line: logs.LogLine) -> set[str]:
    return {line.text("message_id"), line.text("key_digest")} - {""}  # an outcome's line has no message id


def _in_metrics(stack: Stack, now: float) -> Retries | None:
    """Return the retries of the last minutes, which may count a request more than once: no log line has them."""
    end = datetime.fromtimestamp(now, UTC)
    queries = {"age": (_query(stack, Metric.RETRY_AGE), "Maximum")}
    queries |= {f"code_{code}": (_query(stack, Metric.TRIED_AGAIN, Code=code), "Sum") for code in CODES}
    answer = stack.account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
            for name, (metric, statistic) in queries.items()
        ],
        StartTime=end - timedelta(seconds=LONGEST_BACK_OFF + ATTEMPT),
        EndTime=end,
    )
    values = {one["Id"]: one["Values"] for one in answer["MetricDataResults"]}
    counted = {str(code): round(sum(values.get(f"code_{code}", []))) for code in CODES}
    codes = Counter({code: count for code, count in counted.items() if count})
    if not values.get("age"):
        return None
    return Retries(codes.total(), 0, dict(codes.most_common()), round(max(values["age"])))


def _query(stack: Stack, metric: Metric, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in {"Stack": stack.name, **dimensions}.items()]
    return {"Namespace": NAMESPACE, "MetricName": str(metric), "Dimensions": named}
