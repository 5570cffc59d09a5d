"""`make soak` in its short form, and whether its sheet would notice what must not happen."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.aws.stack import Message
from sandbox.customergauge.server import PersonalLink
from sandbox.soak.report import CHECKS, Report
from sandbox.soak.traffic import HttpEnd, SoakRequest, make_requests

REASON = {"code": "invalid_request", "detail": "malformed", "attempts": "1"}
REASON |= {"original_message_id": "message-1", "first_sent_at": "1795427999500"}


def number_of(name: str, output: str) -> int:
    [found] = re.findall(rf"^ *{name} +(\d+)", output, re.MULTILINE)
    return int(found)


def test_a_short_soak_ends_with_a_sheet_that_adds_up() -> None:
    # No hangs, and only the HTTP function's workers are killed: their leases end after 22 s, not after a minute.
    soak = subprocess.run(
        [sys.executable, "-m", "sandbox.soak.run", "--requests", "100", "--seed", "1", "--short"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )

    output = soak.stdout
    assert soak.returncode == 0, output
    assert len(re.findall("^holds ", output, re.MULTILINE)) == len(CHECKS), output
    ends = ["created", "rejected", "unknown", "parked", "refused on arrival"]
    assert sum(number_of(end, output) for end in ends) == number_of("in", output) == number_of("out", output) == 100
    assert number_of("created", output) <= number_of("survey records", output)
    assert number_of("survey records", output) <= number_of("created", output) + number_of("unknown", output)
    assert number_of("results", output) >= sum(number_of(end, output) for end in ends[:3])
    assert min(number_of(end, output) for end in ends) > 0
    assert "@" not in output
    assert number_of("workers killed", output) > 0 or not Path("/proc").exists()


def test_a_seed_makes_the_same_requests_again_and_another_seed_others() -> None:
    assert make_requests(300, 5) == make_requests(300, 5) != make_requests(300, 6)


def request(number: int, **changes: Any) -> SoakRequest:
    reference = f"soak-{number:05}"
    made = SoakRequest(reference, "good", f"key-of-{reference}", f"{reference}@example.com", "{}", ("sqs",))
    return replace(made, **changes)


def data(number: int) -> dict[str, Any]:
    links = {"survey_link": f"https://cg/r/{number}", "survey_link_short": f"https://cg/s/{number}"}
    return {"number_customergauge": number, **links}


def link(number: int) -> PersonalLink:
    record = {"Order": f"soak-{number:05}", "Email": f"soak-{number:05}@example.com"}
    return PersonalLink(**data(number), configuration="contact", record=record)


def result(number: int, code: str = "created", **changes: Any) -> Message:
    status = {"created": "created", "outcome_unknown": "unknown"}.get(code, "rejected")
    end: dict[str, Any] = (
        {"personal_link": data(number)} if code == "created" else {"error": {"code": code, "message": "…"}}
    )
    whole: dict[str, Any] = {"id": f"id-{number}", "status": status, "reference": f"soak-{number:05}", **end}
    whole |= {"source": {"type": "sqs", "id": "message"}, "replayed": False, "attempts": 1}
    text = json.dumps(whole | changes, separators=(",", ":"))
    return Message(text, {"status": status, "code": code, "source": "sqs"})


SOUND = Report(
    requests=[
        request(1),
        request(2),
        request(3, deliveries=("http", "sqs")),
        request(4, kind="cut off", body='{"cut', contact="nobody"),
        request(5, kind="invalid", deliveries=("http",), contact="nobody"),
        request(6, kind="same contact", contact="soak-00001@example.com"),
    ],
    http_ends={
        "soak-00003": HttpEnd(200, {"data": data(3)}, replayed=False, tries=1),
        "soak-00005": HttpEnd(400, {"code": "invalid_request"}, replayed=False, tries=1),
    },
    results=[
        result(1),
        result(2, "outcome_unknown"),
        result(3),
        result(3, replayed=True),
        result(6, "duplicate_record"),
    ],
    parked=[Message('{"cut', REASON)],
    records=[link(1), link(2), link(3)],
    left={},
    counts={},
)


RESULTS, RECORDS = list(SOUND.results), list(SOUND.records)


def failing(report: Report) -> dict[str, list[str]]:
    return {name: references for name, references in report.failures().items() if references}


def test_a_sound_sheet_passes_every_check() -> None:
    assert failing(SOUND) == {}


@pytest.mark.parametrize(
    ("check", "reference", "changes"),
    [
        ("every request ended exactly once", "soak-00001", {"results": RESULTS[1:]}),
        ("every request ended exactly once", "soak-00001", {"results": [*RESULTS, result(1, id="another")]}),
        ("every HTTP caller got a final answer", "soak-00003", {"http_ends": {}}),
        ("every copy of a result says the same", "soak-00001", {"results": [*RESULTS, result(1, attempts=2)]}),
        (
            "every end is one that its request may have",
            "soak-00001",
            {"results": [result(1, "bad_request"), *RESULTS[1:]]},
        ),
        (
            "every survey record is in a created result, or an unknown accounts for it",
            "soak-00006",
            {"records": [*RECORDS, link(6)]},
        ),
        ("every created and every unknown has its survey record", "soak-00001", {"records": RECORDS[1:]}),
        (
            "no request is called a duplicate of its own record",
            "soak-00002",
            {"results": [RESULTS[0], result(2, "duplicate_record"), *RESULTS[2:]]},
        ),
        ("no request made two survey records", "soak-00001", {"records": [*RECORDS, link(1)]}),
        ("every HTTP answer has its result", "soak-00003", {"results": [*RESULTS[:2], *RESULTS[4:]]}),
        (
            "every parked message is as it was sent, with its reason",
            "a message without an id",
            {"parked": [Message('{"cut', {"code": "invalid_request"})]},
        ),
        ("nothing is left on the queues", "1 on the requests queue", {"left": {"requests": 1}}),
    ],
)
def test_the_sheet_notices(check: str, reference: str, changes: Mapping[str, Any]) -> None:
    assert reference in failing(replace(SOUND, **changes))[check]
