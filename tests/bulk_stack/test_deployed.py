"""Files through both stacks on the emulator, while CustomerGauge fails and workers are killed."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from sandbox.aws.emulator import Emulator, running_emulator
from sandbox.aws.http_caller import permitted_caller
from sandbox.aws.lambda_workers import workers
from sandbox.aws.stack import Stack, deploy
from sandbox.bulk import Bulk, as_csv, deploy_bulk
from sandbox.customergauge.server import TOKEN_PATH, Call, CustomerGaugeSandbox, Reply
from sandbox.singles import Singles
from tests.stack.deployed import queue_for

pytestmark = pytest.mark.slow

# A tenth of the calls fail; one in a hundred loses the answer to a record that was made.
REPLIES = [
    None,
    Reply.error(503),
    Reply.error(429, retry_after=1),
    Reply(fault="reset"),
    Reply(fault="reset", commit=True),
    Reply.html(502),
]
IN_A_HUNDRED = [90, 3, 2, 3, 1, 1]
CALLS_BETWEEN_KILLS = 100  # of CustomerGauge: on a slow machine workers start slowly
SECONDS_BETWEEN_KILLS = 20.0  # when there are fewer calls
VISIBILITY = 40  # seconds until a killed worker's messages return; 360 in the template


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        sandbox.duplicate_rule = "global"
        yield sandbox


@pytest.fixture(scope="module")
def stack(vendor: CustomerGaugeSandbox) -> Iterator[Stack]:
    with running_emulator() as emulator:
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        # Not S3's own events, which the sample mapping would take too.
        deployed = deploy(emulator, DefaultConfiguration="contact", EventDetailType="Personal Link Requested", **urls)
        deployed.fill_secret(vendor.client_id, vendor.client_secret)
        url = deployed.requests_queue_url
        deployed.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
        yield deployed


@pytest.fixture(scope="module")
def bulk(stack: Stack) -> Bulk:
    return deploy_bulk(stack, RowsPerSecond="60", RowsWaiting="20")


@pytest.fixture(autouse=True)
def healthy(vendor: CustomerGaugeSandbox) -> Iterator[None]:
    yield
    vendor.misbehave = vendor.faults
    vendor.latency = 0.0


class Misbehave:
    """Choose each call's fault."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.failed = 0

    def __call__(self, call: Call) -> Reply | None:
        if call.path == TOKEN_PATH:
            return None
        [reply] = self.dice.choices(REPLIES, IN_A_HUNDRED)
        self.failed += reply is not None
        return reply


@contextmanager
def killing(emulator: Emulator, vendor: CustomerGaugeSandbox, seed: int) -> Iterator[Counter[str]]:
    """Kill a worker of any function now and then, as a crash of its environment would."""
    killed: Counter[str] = Counter()
    dice, over = random.Random(seed), threading.Event()

    def kill() -> None:
        calls, killed_at = len(vendor.calls("personal-link")), time.monotonic()
        while not over.wait(0.2):
            now_calls = len(vendor.calls("personal-link"))
            if now_calls < calls + CALLS_BETWEEN_KILLS and time.monotonic() < killed_at + SECONDS_BETWEEN_KILLS:
                continue
            calls, killed_at, found = now_calls, time.monotonic(), workers(emulator)
            for number, function in dice.sample(found, min(1, len(found))):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
                    killed[function] += 1

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def people(prefix: str, count: int) -> list[dict[str, str]]:
    """Return rows of which one in a hundred repeats the row before it, and one in two hundred breaks the contract."""
    rows = [{"Email": f"{prefix}{number}@example.com", "Name": f"Person {number}"} for number in range(count)]
    for number in range(50, count, 100):
        rows[number] = rows[number - 1]
    for number in range(20, count, 200):
        rows[number] = {"Email": rows[number]["Email"], "Name": "a\x00b"}
    return rows


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.full)])
def test_every_row_of_a_file_gets_its_own_link_or_reason_while_calls_fail(
    bulk: Bulk, stack: Stack, vendor: CustomerGaugeSandbox, count: int
) -> None:
    name = f"failing{count}-"
    rows = people(name, count)
    before, runs = len(vendor.links), len(bulk.executions())
    vendor.misbehave = misbehave = Misbehave(seed=7)
    content = as_csv(["Email", "Name"], rows)

    with killing(stack.emulator, vendor, seed=7) as killed:
        bulk.put(name, content)
        status = bulk.finish(runs + 1, within=600 + count / 5)

    assert status == "SUCCEEDED"
    assert sum(killed.values()) > count / 200
    assert misbehave.failed > count / 20
    found = bulk.links(name)
    assert [{"Email": row["Email"], "Name": row["Name"]} for row in found] == rows
    made = {link.survey_link: link.record["Email"] for link in vendor.links[before:]}
    created = [row for row in found if row["status"] == "created"]
    assert all(made[row["survey_link"]] == row["Email"] for row in created)
    assert {row["code"] for row in found if row["status"] == "rejected"} == {"invalid_request"}
    assert {row["code"] for row in found if row["status"] == "unknown"} <= {"outcome_unknown"}
    assert Counter(row["status"] for row in found).keys() <= {"created", "rejected", "unknown"}
    good = {row["Email"] for row in rows if row["Name"] != "a\x00b"}
    assert sorted(str(email) for email in made.values()) == sorted(good)

    vendor.misbehave = vendor.faults
    calls = len(vendor.calls("personal-link"))
    bulk.put(name, content)
    assert bulk.finish(runs + 2, within=120) == "SUCCEEDED"
    assert len(vendor.calls("personal-link")) == calls
    assert bulk.links(name) == found


def test_a_finished_job_is_announced_by_an_event_on_the_bus(bulk: Bulk, stack: Stack) -> None:
    url, arn = queue_for(stack, "finished-jobs", "events")
    pattern = {"source": ["personal-link.bulk"], "detail-type": ["Personal Link Bulk Finished"]}
    stack.events.put_rule(Name="finished-jobs", EventPattern=json.dumps(pattern))
    stack.events.put_targets(Rule="finished-jobs", Targets=[{"Id": "queue", "Arn": arn}])

    bulk.put("told", as_csv(["Email"], [{"Email": "told@example.com"}]))

    [event] = stack.take(url, 1, within=60)
    assert event.json()["detail"] == {
        "job": "told",
        "rows": 1,
        "created": 1,
        "rejected": 0,
        "unknown": 0,
        "parked": 0,
        "waiting": 0,
        "bucket": bulk.bucket,
        "links": "out/told.links.csv",
        "summary": "out/told.summary.json",
    }


def test_a_file_that_cannot_be_read_gets_an_error_file_with_the_reason(bulk: Bulk) -> None:
    runs = len(bulk.executions())

    bulk.put("broken", "Email\ncaf\xe9@example.com\n".encode("cp1252"))

    assert bulk.finish(runs + 1, within=60) == "SUCCEEDED"
    reason = json.loads(bulk.read("out/broken.error.json") or b"{}")
    assert reason["message"].startswith("Line 2 is not UTF-8.")
    assert bulk.read("out/broken.links.csv") is None


def test_the_execution_history_of_the_state_machine_holds_no_data_of_a_row(bulk: Bulk) -> None:
    runs = len(bulk.executions())
    bulk.put("history", as_csv(["Email"], [{"Email": "secret.person@example.com"}]))
    bulk.finish(runs + 1, within=60)
    [row] = bulk.links("history")

    states = bulk.states
    parents = bulk.executions()
    children = [
        child["executionArn"]
        for parent in parents
        for run in states.list_map_runs(executionArn=parent)["mapRuns"]
        for child in states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    ]
    told = [str(states.describe_execution(executionArn=arn)) for arn in (*parents, *children)]
    told += [str(states.get_execution_history(executionArn=arn)) for arn in parents]
    assert len(children) >= 2
    assert "out/history.links.csv" in "".join(told)
    assert [text for text in told if "secret.person" in text or row["survey_link"] in text] == []


@pytest.mark.full
def test_single_requests_keep_their_latency_while_a_bulk_job_runs(
    bulk: Bulk, stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    caller, runs = permitted_caller(stack), len(bulk.executions())
    vendor.latency = 0.2
    bulk.set_rate(20)  # the default
    with Singles(stack, caller, "warm-up").running():
        time.sleep(10)
    without, beside = Singles(stack, caller, "without"), Singles(stack, caller, "beside")
    with without.running():
        time.sleep(120)

    with beside.running():
        bulk.put("beside", as_csv(["Email", "Name"], people("beside", 10_000)))
        bulk.finish(runs + 1, within=1200)

    (http, event), (http_beside, event_beside) = without.p95(), beside.p95()
    assert http_beside / http <= 1.5
    assert event_beside / event <= 1.5
