"""Parked requests are listed and shown; none of them is taken away, and nobody's data is seen unasked."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from operate.ledger_reader import LedgerReader
from operate.parked.queue import Sweep
from operate.terminal.duration import in_words
from operate.terminal.masking import MASK, masked
from personal_link.domain.clock import SystemClock
from personal_link.domain.errors import Code
from tests.aws.account import on_every_call
from tests.leaks.canaries import CANARIES, EMAIL, canaries_in
from tests.operate.stage import BODY, FIRST_ID, NAME, REQUEST, Stage
from tests.tables import table

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

EVENT = {"detail-type": "Visit Ended", "time": "2026-11-24T10:00:00Z"}
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:1"


def show(stage: Stage, message_id: str, *options: str) -> str:
    return stage.run("parked", "show", NAME, message_id, *options).output


def test_the_list_is_by_code_and_the_oldest_first(stage: Stage) -> None:
    newer = stage.park(code=Code.UNAVAILABLE)
    older = stage.park(code=Code.UNAVAILABLE)
    other = stage.park(code=Code.CREDENTIALS_REFUSED)
    stage.make_older(older, 3 * 3600 + 90)

    listed = stage.run("parked", "list", NAME)

    assert listed.output.splitlines()[0] == "3 parked: 2 unavailable, 1 credentials_refused"
    assert re.findall(r"^([a-z_]+|[0-9a-f-]{36})(?= |$)", listed.output, re.MULTILINE) == [
        *("credentials_refused", "message", other),
        *("unavailable", "message", older, newer),
    ]
    assert re.search(rf"^{older} +3 h 1 min  20\d\d-[-0-9: ]+ UTC +40$", listed.output, re.MULTILINE)


def test_looking_takes_nothing_away_however_many_there_are(stage: Stage) -> None:
    ids = {stage.park() for _ in range(23)}

    listed = stage.run("parked", "list", NAME)

    assert set(re.findall(r"[0-9a-f-]{36}", listed.output)) == ids
    assert listed.output.splitlines()[0] == "23 parked: 23 unavailable"
    assert set(stage.parked_ids()) == ids


def test_a_queue_that_gives_the_same_messages_again_and_again_is_listed_once(stage: Stage) -> None:
    ids = {stage.park() for _ in range(3)}

    with on_every_call(stage.located.client("sqs"), "ReceiveMessage", lambda _: stage.unhide()):
        listed = stage.run("parked", "list", NAME)

    assert listed.output.splitlines()[0] == "3 parked: 3 unavailable"
    assert set(stage.parked_ids()) == ids


HIDDEN = "1 parked, but hidden by another reader: run this again in a minute"


@table(
    "arguments, code, lines",
    ("list", ("list",), 0, ["0 parked", HIDDEN]),
    ("redrive", ("redrive",), 1, ["0 redriven, 0 left parked", HIDDEN]),
    ("delete", ("delete", "--code", "unavailable", "--yes"), 1, ["0 to delete", "0 deleted.", HIDDEN]),
)
def test_requests_that_another_reader_hides_are_told(
    stage: Stage, arguments: tuple[str, ...], code: int, lines: list[str]
) -> None:
    stage.park()
    stage.hide()

    told = stage.run("parked", *arguments, NAME)

    assert (told.exit_code, told.output.splitlines()) == (code, lines)


def test_a_list_of_another_code_hides_nothing(stage: Stage) -> None:
    stage.park(code=Code.UNAVAILABLE)

    assert stage.run("parked", "list", NAME, "--code", "forbidden").output.splitlines() == ["0 parked"]


def test_the_list_can_be_of_one_code_and_of_an_age(stage: Stage) -> None:
    stage.park(code=Code.NO_ANSWER)
    old = stage.park(code=Code.UNAVAILABLE)
    stage.park(code=Code.UNAVAILABLE)
    stage.make_older(old, 7200)

    listed = stage.run("parked", "list", NAME, "--code", "unavailable", "--older-than", "1h")

    assert re.findall(r"[0-9a-f-]{36}", listed.output) == [old]
    assert listed.output.splitlines()[0] == "1 parked: 1 unavailable"


def test_what_sqs_or_eventbridge_parked_has_no_code_and_a_made_up_one_is_none(stage: Stage) -> None:
    text: MessageAttributeValueTypeDef = {"DataType": "String", "StringValue": EMAIL.value}
    stage.aws.sqs.send_message(QueueUrl=stage.aws.parked_url, MessageBody=BODY)
    stage.aws.sqs.send_message(
        QueueUrl=stage.aws.parked_url, MessageBody=BODY, MessageAttributes={"code": text, "attempts": text}
    )

    listed = stage.run("parked", "list", NAME, "--code", "-")

    assert listed.output.splitlines()[0] == "2 parked: 2 -"
    assert canaries_in(listed.output, CANARIES) == []


def test_what_lambda_parked_is_found_by_its_code_and_has_the_id_of_its_invocation(stage: Stage) -> None:
    parked = stage.park_as_lambda()

    listed = stage.run("parked", "list", NAME, "--code", "unavailable")

    assert re.findall(r"[0-9a-f-]{36}", listed.output) == [parked]
    assert re.search(rf"^Original id +{FIRST_ID} *$", show(stage, parked), re.MULTILINE)


def park_as_eventbridge(stage: Stage, error_code: str) -> str:
    text: MessageAttributeValueTypeDef = {"DataType": "String", "StringValue": error_code}
    sent = stage.aws.sqs.send_message(
        QueueUrl=stage.aws.parked_url, MessageBody=BODY, MessageAttributes={"ERROR_CODE": text}
    )
    return sent["MessageId"]


TIMED_OUT = f"2026-11-24T10:00:00Z {EMAIL.value} Task timed out after 60.00 seconds"


@table(
    "park, code, detail",
    ("by the worker", Stage.park, "unavailable", "Our own words."),
    ("by Lambda", Stage.park_as_lambda, "unavailable", "Our own words."),
    ("by Lambda after a timeout", lambda stage: stage.park_as_lambda(reason=TIMED_OUT), "-", "-"),
    ("by EventBridge", lambda stage: park_as_eventbridge(stage, "NO_RIGHT"), "-", "EventBridge: NO_RIGHT"),
    ("by somebody", lambda stage: park_as_eventbridge(stage, EMAIL.value), "-", "-"),
)
def test_code_and_detail_are_those_of_whoever_parked_it_and_quote_nobody(
    stage: Stage, park: Callable[[Stage], str], code: str, detail: str
) -> None:
    shown = show(stage, park(stage))

    assert re.search(rf"^Parked: {code}$", shown, re.MULTILINE)
    assert re.search(rf"^Detail +{re.escape(detail)} *$", shown, re.MULTILINE)
    assert canaries_in(shown, CANARIES) == []


def test_one_is_shown_with_its_values_masked(stage: Stage) -> None:
    message_id = stage.park()

    shown = show(stage, message_id)

    assert canaries_in(shown, CANARIES) == []
    assert json.loads(shown[shown.index("{") :]) == {
        "configuration": "contact",
        "record": {"Email": "***", "Phone": "***", "First Name": "***", "Last Name": "***"},
        "reference": "***",
        "idempotency_key": "***",
    }
    assert re.search(rf"^Original id +{FIRST_ID} *$", shown, re.MULTILINE)
    assert re.search(r"^Ledger +not processed yet \(attempts: 0\) *$", shown, re.MULTILINE)
    assert stage.parked_ids() == [message_id]


def test_one_is_shown_as_it_is_when_that_is_asked_for(stage: Stage) -> None:
    shown = show(stage, stage.park(), "--unmask")

    assert json.loads(shown[shown.index("{") :]) == REQUEST
    assert shown.isascii()


@table(
    "body, shown_of_it",
    (
        "a request",
        {"configuration": "contact", "record": {"configuration": "Ada", "time": "10 am", "detail-type": "x"}},
        {"configuration": "contact", "record": {"configuration": MASK, "time": MASK, "detail-type": MASK}},
    ),
    (
        "an event whose detail is a request",
        {**EVENT, "detail": {"configuration": "contact", "time": "x", "record": {"time": "x"}}},
        {**EVENT, "detail": {"configuration": "contact", "time": MASK, "record": {"time": MASK}}},
    ),
    (
        "an event of somebody else's",
        {"detail-type": "Visit Ended", "configuration": "x", "detail": {"configuration": "Ada", "time": "x"}},
        {"detail-type": "Visit Ended", "configuration": MASK, "detail": {"configuration": MASK, "time": MASK}},
    ),
    ("anything else", {"configuration": "Ada", "time": "10 am"}, {"configuration": MASK, "time": MASK}),
    ("a list", [{"configuration": "Ada", "record": {}}], [{"configuration": MASK, "record": {}}]),
    ("unsafe", {"configuration": "a@b", "record": {}}, {"configuration": MASK, "record": {}}),
)
def test_a_value_is_shown_for_its_place_and_not_for_its_name(body: object, shown_of_it: object) -> None:
    assert masked(body) == shown_of_it


def test_a_body_that_is_not_json_is_told_by_its_length_and_shown_without_moving_the_cursor(stage: Stage) -> None:
    message_id = stage.park('{"Email": "Zo\u00eb\x1b[2J', Code.INVALID_REQUEST)

    assert show(stage, message_id).splitlines()[-1] == "  (not JSON, 19 bytes)"
    unmasked = show(stage, message_id, "--unmask").splitlines()[-1]
    assert unmasked == """  '{"Email": "Zo\\xeb\\x1b[2J'"""


def test_a_name_that_looks_like_no_heading_and_an_id_that_a_sender_chose_are_masked(stage: Stage) -> None:
    body = json.dumps({"record": {EMAIL.value: "x", "Order number": 12}, "detail-type": f"of {EMAIL.value}"})
    message_id = stage.park(body, first_id=EMAIL.value)

    shown = show(stage, message_id)

    assert canaries_in(shown, CANARIES) == []
    assert json.loads(shown[shown.index("{") :]) == {
        "record": {"(withheld 1)": MASK, "Order number": MASK},
        "detail-type": MASK,
    }
    assert EMAIL.value in show(stage, message_id, "--unmask")


@table(
    "kind, line",
    ("nearly", "Order paid", 'no entry for "Order paid"; nearest: "Order Paid"; entries: Case_Closed__e, Object Creat'),
    ("no name", f"of {EMAIL.value}", "no entry for its detail-type; entries: "),
)
def test_an_event_without_an_entry_is_shown_with_the_nearest_one_if_it_is_a_name(
    stage: Stage, kind: str, line: str
) -> None:
    body = json.dumps({"id": FIRST_ID, "detail-type": kind, "detail": {"order": 1}})

    shown = show(stage, stage.park(body, Code.INVALID_REQUEST))

    assert line in shown
    assert canaries_in(shown, CANARIES) == []


def test_mappings_of_a_layer_of_ones_own_are_not_guessed(stage: Stage) -> None:
    stage.parameter("MappingsLayerArn", LAYER)
    body = json.dumps({"id": FIRST_ID, "detail-type": "Visit Ended", "detail": {}})

    shown = stage.run("parked", "show", NAME, stage.park(body, Code.INVALID_REQUEST))

    assert shown.output == (
        "Error: personal-link has its mappings in a layer (MappingsLayerArn): "
        "name the file before the command, operate --mappings event_mappings.toml ...\n"
    )
    assert shown.exit_code == 2


def test_the_named_file_of_the_layer_tells_what_an_event_is(stage: Stage, tmp_path: Path) -> None:
    stage.parameter("MappingsLayerArn", LAYER)
    (tmp_path / "mappings.toml").write_text('["Visit Ended"]\nrecord.Email = "detail.email"')
    with_file = replace(stage, located=replace(stage.located, mappings=tmp_path / "mappings.toml"))
    mapped = {"id": FIRST_ID, "detail-type": "Visit Ended", "detail": {"email": EMAIL.value}}
    parked = stage.park(json.dumps(mapped)), stage.park(json.dumps(mapped | {"detail-type": "Visit ended"}))

    known, other = (show(with_file, one) for one in parked)

    assert "not processed yet" in known
    assert 'no entry for "Visit ended"; nearest: "Visit Ended"; entries: Visit Ended' in " ".join(other.split())


def test_a_wrong_file_is_told_what_is_wrong(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "mappings.toml").write_text('["Visit Ended"]')
    with_file = replace(stage, located=replace(stage.located, mappings=tmp_path / "mappings.toml"))
    body = json.dumps({"id": FIRST_ID, "detail-type": "Visit Ended", "detail": {}})

    shown = show(with_file, stage.park(body))

    assert shown == 'Error: mappings.toml: "Visit Ended" needs a [record] of at least one heading.\n'


def test_what_is_held_of_a_message_shows_nothing_of_its_body(stage: Stage) -> None:
    stage.park()
    stage.settle()
    sqs = stage.located.client("sqs")
    with Sweep(sqs, stage.aws.parked_url) as sweep:
        messages = list(sweep)
    entry = LedgerReader(stage.aws.dynamodb, stage.aws.ledger_table, SystemClock(), lambda _event: None).entry_of(
        messages[0].record
    )

    assert canaries_in(repr((messages, entry)), CANARIES) == []


def test_a_message_that_is_not_there_is_one_line(stage: Stage) -> None:
    shown = stage.run("parked", "show", NAME, FIRST_ID)

    assert shown.exit_code == 2
    assert shown.output == (
        "Error: This message is not parked: operate parked list personal-link shows those there are.\n"
    )


@pytest.mark.parametrize("older_than", ["soon", "-1h", "1w", "1.5h", "h", ""])
def test_a_length_of_time_that_is_none_is_refused_with_examples(stage: Stage, older_than: str) -> None:
    refused = stage.run("parked", "list", NAME, "--older-than", older_than)

    assert refused.exit_code == 2
    assert "30m, 2h or 7d" in refused.output


def test_a_length_of_time_is_told_in_its_two_largest_units() -> None:
    seconds = [-5, 0.4, 59.9, 60, 3599, 3600, 86_399, 86_400, 1_000_000]
    words = ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 0 h", "11 d 13 h"]

    assert [in_words(one) for one in seconds] == words
