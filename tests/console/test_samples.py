"""Every file of the sample events has its button; how it is sent, its name says."""

from pathlib import Path

from sandbox.console.samples import EVENTS, samples


def test_every_file_of_the_sample_events_is_a_sample() -> None:
    assert {sample.name for sample in samples()} == {path.name for path in EVENTS.iterdir()}
    assert len(samples()) >= 6


def test_a_new_file_is_a_sample_by_itself(tmp_path: Path) -> None:
    for name in (
        "sqs_order_paid.json",
        "sqs_event_s3.json",
        "http_form.txt",
        "eventbridge_order_paid.json",
        "notes.md",
        "sqs.json",
    ):
        (tmp_path / name).write_text("{}")

    assert [(sample.way, sample.label, sample.media_type) for sample in samples(tmp_path)] == [
        ("http", "Form", "application/x-www-form-urlencoded"),
        ("eventbridge", "Order paid", "application/json"),
        ("sqs", "S3", "application/json"),
        ("sqs", "Order paid", "application/json"),
    ]
