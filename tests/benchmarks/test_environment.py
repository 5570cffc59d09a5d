"""The environment in which handlers are measured is the template's, and a measurement that went wrong says so."""

from collections.abc import Iterator

import pytest

from benchmarks import measured
from benchmarks.aws_stub import AwsStub
from benchmarks.stage import Stage, set_stage
from personal_link.settings import load_queue_settings, load_settings


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage[AwsStub]]:
    with set_stage() as standing:
        yield standing


def test_the_functions_get_the_templates_variables(stage: Stage[AwsStub]) -> None:
    settings = load_queue_settings(stage.environment("queue_worker"))

    assert settings.connector == load_settings(stage.environment("http_api"))
    assert settings.connector.imports_base_url == stage.vendor.url
    assert settings.connector.auth_base_url == stage.vendor.auth_url
    assert settings.connector.ledger_table == "ledger"
    assert settings.connector.access_token_secret_arn.endswith(":secret:access-token-AbCdEf")
    assert (settings.retry_window_hours, settings.batch_concurrency) == (24, 10)


def test_a_parameter_of_the_template_can_be_chosen(stage: Stage[AwsStub]) -> None:
    environment = stage.environment("queue_worker", BatchConcurrency="1", ShareAccessToken="false")

    settings = load_queue_settings(environment)
    assert settings.batch_concurrency == 1
    assert settings.connector.access_token_secret_arn == ""


def test_a_handler_that_does_not_do_its_work_ends_the_measurement(
    stage: Stage[AwsStub], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="work_one_by_one failed in http_api"):
        stage.run("http_api", measured.work_one_by_one, "http_api", 1, DefaultConfiguration="no-such-mapping")
    assert "the handler did not do its work" in capfd.readouterr().err


def test_a_measurement_of_anything_but_survey_records_is_void() -> None:
    with set_stage() as stage:
        stage.run("queue_worker", measured.work_one_by_one, "queue_worker", 3)
        stage.vendor.expect_records(3)
        with pytest.raises(RuntimeError, match="3 survey records, 4 were expected"):
            stage.vendor.expect_records(4)


def test_the_vendors_latency_is_in_what_is_measured(stage: Stage[AwsStub]) -> None:
    stage.vendor.answer_after(0.1)

    ((single,), (double,)) = stage.run("queue_worker", measured.work_batches, [1, 2], 1, BatchConcurrency="1")

    assert single >= 100
    assert double >= 200


def test_connections_are_told_apart_by_origin() -> None:
    with set_stage() as stage:
        stage.run("queue_worker", measured.work_one_by_one, "queue_worker", 5)

        assert (stage.vendor.links().calls, stage.vendor.links().connections) == (5, 1)
        assert (stage.vendor.tokens().calls, stage.vendor.tokens().connections) == (1, 1)
