"""The screens of screens.txt: reports of an outage at night, written out, and how they are printed."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import click
from rich.console import Console

from operate.check.command import Check, print_check
from operate.check.vendor import Finding
from operate.commands import operate
from operate.erase.command import print_erasure
from operate.erase.erasure import ROWS, Erasure, Item
from operate.find.command import print_found
from operate.find.search import Event, Found
from operate.health.checks import Alarm, Credentials, FunctionState, Parked, QueueState, Subscribers
from operate.health.command import print_health
from operate.health.report import Health, Unseen
from operate.health.retries import Retries
from operate.ledger_reader import Entry, Standing
from operate.parked.delete_command import LOST, SETTLED, UNREADABLE, Deletable, Deletion, print_preview
from operate.parked.list_command import ParkedList, ParkedRequest, Row, print_list, print_request
from operate.parked.redrive_command import BECOMES, Redriven, print_redriven
from operate.send.command import Sent, print_sent
from operate.send.event_entries import Heard
from operate.send.sender import standing_line
from operate.tail import Line, print_event
from operate.terminal.screen import Need

STACK = "personal-link"
AT = "2026-11-27 03:12:41 UTC"
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
ID = "0f0c4a0e-5b3c-4f2e-9f0e-2d8f5a1c7b11"
OTHER_ID = "7a1de0b2-93c4-4d7f-8a55-61f0c2b9d3e4"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:CredentialsSecret-a1B2c3"
FILL_IN = (
    f"aws secretsmanager put-secret-value --region eu-west-1 --secret-id {SECRET} --secret-string file:///dev/stdin"
)
FAILED = "CustomerGauge answered HTTP 503"

WELL = Health(
    *("ok", [], [], STACK, "eu-west-1", AT, "UPDATE_COMPLETE"),
    queues=[
        QueueState("requests", 3, 0, 2, 0, 4),
        QueueState("parked", 0, 0, 0, 0, None),
        QueueState("results", 12, 0, 0, 0, 95),
    ],
    retries=None,
    parked=None,
    functions=[
        FunctionState(name, f"{STACK}-{name}-8QxYbT3vPz1k", "7", "Active", "Successful")
        for name in ("DirectInvocationFunction", "HttpApiFunction", "QueueWorkerFunction")
    ],
    intake="Enabled",
    events=Heard("default", ["Personal Link Requested", "Order Paid"], "", ["Case_Closed__e", "Survey Due"]),
    credentials=Credentials(is_well=True, state="filled in (not read)"),
    alarms=7,
    ringing=[],
    subscribers=Subscribers(1, 0),
)
RINGING = Alarm("OldestRetry", "A request has been retried for more than half an hour.")
OUTAGE = replace(
    WELL,
    verdict="needs you",
    needs=[
        Need("20 being retried: unavailable, oldest 3 min", "docs/operation.md#oldestretry"),
        Need("3 parked: 2 unavailable, 1 invalid_request", f"operate parked list {STACK}"),
        Need(f"Alarm OldestRetry: {RINGING.text}", "docs/operation.md#oldestretry"),
    ],
    unseen=[Unseen("Alarm subscribers", "sns:ListSubscriptionsByTopic")],
    queues=[
        QueueState("requests", 104, 20, 1, 0, 190),
        QueueState("parked", 3, 0, 0, 0, 93_600),
        QueueState("results", 0, 0, 0, 0, None),
    ],
    retries=Retries(20, 3, {"unavailable": 20}, 190),
    parked=Parked(3, {"unavailable": 2, "invalid_request": 1}, 93_600, all_read=True),
    ringing=[RINGING],
    subscribers=None,
)
RETRIED = Found(
    *("retrying", DIGEST, [], "unavailable", 2, "2026-11-27 03:09:31 UTC", "eventbridge", None, None, None, None),
    events=[
        Event("2026-11-27 03:09:33 UTC", "queue-worker", "retry scheduled", "unavailable", FAILED, 2),
        Event("2026-11-27 03:09:37 UTC", "queue-worker", "retry scheduled", "unavailable", FAILED, 280),
    ],
    waiting=104,
    log_level="INFO",
)
DONE = replace(
    RETRIED,
    state="created",
    code=None,
    attempts=3,
    outcome_id=ID,
    result_sent_at="2026-11-27 03:14:19 UTC",
    events=[*RETRIED.events, Event("2026-11-27 03:14:19 UTC", "queue-worker", "outcome", "created", "", None)],
    waiting=0,
)
ERASURE = Erasure(
    STACK,
    dry_run=False,
    is_key_found=True,
    items=[Item(DIGEST, "settled", erased=True), Item(DIGEST[::-1], "in flight", erased=False)],
    parked=[Deletable(ID, "unavailable", SETTLED)],
    deleted=1,
    vendor=[
        Finding("Token server auth.eu.customergauge.com", "ok", "issues a token"),
        Finding("Anonymise address 1 at api.eu.customergauge.com", "ok", "accepted (HTTP 200)"),
    ],
    hindrance=None,
    left={
        "Requests queue": "0 under way, not read: run this again when they are done",
        "Results queue": "12 unread with links and records, 4 days at most",
        "Files of rows": ROWS,
        "CustomerGauge": "its Request History, 90 days",
    },
)
PREVIEW = replace(ERASURE, dry_run=True, items=[Item(DIGEST, "settled", erased=False)], deleted=0, vendor=[])
CHECKED = Check(
    STACK,
    [
        Finding("Secret", "ok", "readable and filled in"),
        Finding(
            *("Token server auth.eu.customergauge.com", "bad"),
            "the token server answered HTTP 401: it refuses the client id or secret",
            f"Compare the secret with the Connected App in CustomerGauge, then:\n{FILL_IN}",
        ),
        Finding("API imports.api.eu.customergauge.com", "ok", "answers by TLS (HTTP 404)"),
    ],
)
NO_ENTRY = 'no entry for "Visit ended"; nearest: "Visit Ended"; entries: Case_Closed__e, Order Paid, Visit Ended'
PARKED = ParkedList(
    *(STACK, 2, {"unavailable": 1, "-": 1}),
    [Row(OTHER_ID, "-", 93_600, AT, None), Row(ID, "unavailable", 7_500, AT, 40)],
)
SHOWN = ParkedRequest(
    *(ID, OTHER_ID, "invalid_request", NO_ENTRY, 1, AT, str(Standing.UNREADABLE), 0, BECOMES[Standing.UNREADABLE]),
    '{\n  "detail-type": "Visit ended",\n  "detail": {\n    "visitor": "***"\n  }\n}',
)
BECAME = {BECOMES[Standing.UNTRIED]: 5, BECOMES[Standing.UNREADABLE]: 2}
REDRIVEN = Redriven(STACK, dry_run=True, looked_at=7, stayed=2, became=BECAME)
CHOSEN = [Deletable(ID, "invalid_request", UNREADABLE), Deletable(OTHER_ID, "forbidden", LOST)]
DELETION = Deletion(STACK, dry_run=True, deleted=0, chosen=CHOSEN, missing=[ID])
CREATED = Sent("created", None, 1, DIGEST, ID, was_settled=False, survey_link=None, error=None)
WAITING = replace(CREATED, status="no outcome yet", attempts=0, outcome_id=None)
NOT_TRIED = standing_line(Entry(Standing.UNTRIED), f"the circuit is open; tried at {AT}")
TAIL = [
    Line("2026-11-27 03:12:39 UTC", "created", "created", "http", None, None, DIGEST, ID),
    Line("2026-11-27 03:12:40 UTC", "rejected", "duplicate_record", "sqs", None, None, DIGEST, ID),
    Line("2026-11-27 03:12:40 UTC", "retry scheduled", "unavailable", "queue-worker", FAILED, 280, DIGEST, None),
    Line("2026-11-27 03:12:41 UTC", "parked", "forbidden", "queue-worker", FAILED, None, DIGEST, None),
]


def print_tail(out: Console) -> None:
    for line in TAIL:
        print_event(line, out)


SCREENS: Mapping[str, Callable[[Console], object]] = {
    "health_well": lambda out: print_health(WELL, out),
    "health_outage": lambda out: print_health(OUTAGE, out),
    "find_retried": lambda out: print_found(RETRIED, out, STACK),
    "find_done": lambda out: print_found(DONE, out, STACK),
    "check": lambda out: print_check(CHECKED, out),
    "parked_list": lambda out: print_list(PARKED, out),
    "parked_show": lambda out: print_request(SHOWN, out),
    "parked_redrive": lambda out: print_redriven(REDRIVEN, {"invalid_request"}, out),
    "parked_delete": lambda out: print_preview(DELETION, out),
    "erase": lambda out: print_erasure(ERASURE, out, asks_vendor=True),
    "erase_preview": lambda out: print_erasure(PREVIEW, out, asks_vendor=True),
    "send_created": lambda out: print_sent(CREATED, "", out, STACK),
    "send_waiting": lambda out: print_sent(WAITING, NOT_TRIED, out, STACK),
    "tail": print_tail,
}


def show(name: str, out: Console) -> None:
    """Print a screen, as of a program with the name `operate`."""
    with click.Context(operate, info_name="operate"):
        SCREENS[name](out)
