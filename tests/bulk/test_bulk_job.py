"""Rows become requests with a body and an idempotency key, or are refused."""

import json
from dataclasses import replace

import pytest

from personal_link.bulk.job import BulkRequest, Job
from personal_link.bulk.output import Ending
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers import deliveries, event_mappings
from personal_link.triggers.deliveries import Mapped
from sandbox import REPOSITORY
from tests.bulk.sheets import row_of, rows_of

CONTACT = "Account Name,Email,Phone\nACME,joe@acme.example,\n"
INVALID = "The request is not valid: see"
JOB = Job("november", "contact")
EVENTS = Job("november", detail_type="Order Paid", has_default_configuration=True)


def request_of(content: str, job: Job = JOB) -> BulkRequest:
    made = job.to_request(row_of(content))
    assert isinstance(made, BulkRequest)
    return made


def refusal_of(content: str, job: Job = JOB) -> Ending:
    made = job.to_request(row_of(content))
    assert isinstance(made, Ending)
    return made


def as_the_worker_reads(made: BulkRequest) -> LinkRequest:
    record = {"messageId": "message-1", "body": made.body, "attributes": {"SentTimestamp": "1795427990000"}}
    return check(deliveries.open_sqs(record))


def mapping_to(content: dict[str, object], problems: dict[str, list[str]] | None = None) -> Job:
    return replace(EVENTS, map_event=lambda _event: Mapped(content, problems or {}))


# --- the request ------------------------------------------------------------------------------------------------------


def test_each_column_of_a_row_is_a_heading_of_the_record_and_an_empty_cell_is_left_out() -> None:
    made = request_of(CONTACT)

    assert json.loads(made.body) == {
        "configuration": "contact",
        "record": {"Account Name": "ACME", "Email": "joe@acme.example"},
        "idempotency_key": made.key,
    }


def test_the_body_of_a_request_is_ascii_since_sqs_refuses_some_characters() -> None:
    body = request_of('Email,Text\na@acme.example,"Zoë \x01 \uffff"\n').body

    assert body.isascii()
    assert json.loads(body)["record"]["Text"] == "Zoë \x01 \uffff"


def test_the_worker_computes_the_same_digest_and_fingerprint_of_a_request_as_the_job() -> None:
    made = request_of(CONTACT)

    request = as_the_worker_reads(made)

    assert (request.key.scope, request.key.digest, request.fingerprint) == ("caller", made.digest, made.fingerprint)


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_idempotency_key_is_the_name_of_the_job_and_a_hash_of_the_row() -> None:
    sha256 = "b09db983af4a8f765568cc625e462a574896a05616ac969fe364a6869f769a87"  # of [["Email","joe@acme.example"]]

    assert request_of("Email\njoe@acme.example\n").key == f"bulk:november:{sha256}"


@pytest.mark.parametrize(
    ("content", "job"),
    [
        ("Email,Account Name,Phone\njoe@acme.example,ACME,\n", JOB),
        ("Phone;Account Name;Email\n;ACME;joe@acme.example\n", JOB),
        ("Account Name,Email\nACME,joe@acme.example\n", JOB),
        (CONTACT, replace(JOB, configuration="other")),
        (CONTACT, mapping_to({"record": {"Email": "x@acme.example"}})),
    ],
    ids=["order", "order and delimiter", "no blank cell", "another configuration", "a detail-type"],
)
def test_a_row_has_the_same_key_in_any_order_without_blank_cells_and_whatever_it_becomes(
    content: str, job: Job
) -> None:
    assert request_of(content, job).key == request_of(CONTACT).key


@pytest.mark.parametrize(
    ("content", "job"),
    [
        ("Account Name,Email\nACME,jo@acme.example\n", JOB),
        ("Account,Email\nACME,joe@acme.example\n", JOB),
        (CONTACT, replace(JOB, name="december")),
    ],
    ids=["another value", "another heading", "another job"],
)
def test_rows_and_jobs_that_differ_have_different_keys(content: str, job: Job) -> None:
    assert request_of(content, job).key != request_of(CONTACT).key


def test_composed_and_decomposed_accents_give_the_same_key() -> None:
    assert request_of("Name\nZoe\u0308\n").key == request_of("Name\nZo\u00eb\n").key


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\nb"])
def test_a_job_name_that_cannot_be_part_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^a job's name has 1 to 128 characters and no control characters$"):
        Job(name)


def test_digest_in_finds_the_digest_in_bodies_of_this_job_only() -> None:
    made = request_of(CONTACT)

    assert JOB.digest_in(made.body) == made.digest
    assert Job("novem").digest_in(made.body) is None
    assert [JOB.digest_in(body) for body in ("", "[]", "{}", '{"idempotency_key": 1}')] == [None] * 4


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("A,B\n1\n", "invalid_request", "The row has 1 cell, the heading line has 2."),
        (
            '"A\nB",C\n1,2\n',
            "invalid_request",
            f"{INVALID} record. record: a heading is empty or holds control characters or lone surrogates.",
        ),
        (f"Text\n{'x' * 66_000}\n", "too_large", "The request has 66065 bytes; at most 65536 are allowed."),
    ],
    ids=["too few cells", "the message of the worker", "too large"],
)
def test_a_row_that_breaks_the_contract_is_rejected_with_its_code_and_reason(
    content: str, code: str, message: str
) -> None:
    ending = refusal_of(content)

    assert (ending.status, ending.code, ending.message) == ("rejected", code, message)


def test_a_row_is_rejected_when_neither_the_job_nor_the_stack_has_a_configuration() -> None:
    assert refusal_of(CONTACT, Job("november")).message == (
        f"{INVALID} configuration. configuration: is required: the stack has no default configuration."
    )
    assert request_of(CONTACT, Job("november", has_default_configuration=True))


def test_a_row_with_an_unknown_heading_is_rejected_and_the_text_for_the_screen_does_not_quote_it() -> None:
    ending = refusal_of("E-Mail\njoe@acme.example\n", replace(JOB, known_headings=frozenset({"Email"})))

    problem = "is not a heading of the inbound mapping; did you mean Email?"
    assert ending.message == f"{INVALID} record. record.E-Mail: {problem}"
    assert ending.kind == f"{INVALID} record. ({problem})"


# --- events -----------------------------------------------------------------------------------------------------------


def test_with_a_detail_type_the_event_mapping_makes_the_request_from_the_row_as_detail() -> None:
    events: list[object] = []

    def map_event(event: object) -> Mapped:
        events.append(event)
        return Mapped({"configuration": "orders", "reference": "2001", "record": {"Email": "lin@acme.example"}}, {})

    made = request_of(
        "order.number,customer.email,No. 1\n2001,lin@acme.example,x\n", replace(EVENTS, map_event=map_event)
    )

    assert events == [
        {
            "id": made.key,
            "source": "personal-link.bulk",
            "detail-type": "Order Paid",
            "detail": {"order": {"number": "2001"}, "customer": {"email": "lin@acme.example"}, "No. 1": "x"},
        }
    ]
    assert json.loads(made.body) == {
        "configuration": "orders",
        "reference": "2001",
        "record": {"Email": "lin@acme.example"},
        "idempotency_key": made.key,
    }


def test_the_key_of_the_job_replaces_the_key_of_the_mapping_even_if_the_mapping_gives_none() -> None:
    record: dict[str, object] = {"record": {"Email": "lin@acme.example"}}
    with_key = mapping_to({**record, "idempotency_key": "order-2001"})
    without = mapping_to(record, {"idempotency_key": ["the mapping gives nothing"]})

    made = request_of(CONTACT, with_key)

    assert made == request_of(CONTACT, without)
    assert made.key == request_of(CONTACT).key


def test_a_row_is_rejected_when_the_mapping_finds_no_value_for_a_heading() -> None:
    problem = {"record.Email": ['the mapping of "Order Paid" gives nothing: detail.customer.email']}

    assert refusal_of(CONTACT, mapping_to({"record": {"A": "b"}}, problem)).message == (
        f'{INVALID} record. record.Email: the mapping of "Order Paid" gives nothing: detail.customer.email.'
    )


def test_a_row_that_matches_no_entry_of_the_event_mappings_is_rejected() -> None:
    assert refusal_of(CONTACT, EVENTS).message == (
        f"{INVALID} record. record: no entry of the event mappings takes this row."
    )


@pytest.mark.parametrize("headings", ["customer,customer.email", "customer.email,customer"])
def test_a_row_whose_headings_make_a_field_both_a_value_and_an_object_is_rejected(headings: str) -> None:
    ending = refusal_of(f"{headings}\nx,y\n", mapping_to({"record": {"A": "b"}}))

    assert ending.code == "invalid_request"
    assert ending.kind == f"{INVALID} record. (is a field and has fields, of two columns)"


def test_a_job_with_both_a_configuration_and_a_detail_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^with a detail-type its mapping names the configuration$"):
        Job("november", "contact", "Order Paid")


# --- the samples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "job", "first"),
    [
        (
            "bulk_contacts.csv",
            JOB,
            {"Account Name": "ACME", "First Name": "Joe", "Last Name": "Doe", "Email": "joe.doe@example.com"}
            | {"Phone": "+55 62 01234 5678"},
        ),
        (
            "bulk_orders.csv",
            replace(EVENTS, map_event=event_mappings.load().apply),
            {"Account Name": "Example Foods", "First Name": "Lin Chen", "Email": "lin@example.com", "Order": "2001"},
        ),
    ],
)
def test_every_row_of_the_sample_files_is_a_valid_request(sample: str, job: Job, first: dict[str, str]) -> None:
    made = [job.to_request(row) for row in rows_of((REPOSITORY / "events" / sample).read_bytes())]

    assert all(isinstance(one, BulkRequest) for one in made)
    assert isinstance(made[0], BulkRequest)
    assert json.loads(made[0].body)["record"] == first
