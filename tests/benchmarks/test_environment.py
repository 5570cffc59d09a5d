"""Handlers are measured with the template's variables, and a measurement that went wrong is an error."""

from collections.abc import Iterator

import pytest

from benchmarks import workloads
from benchmarks.environment import Environment, canned_environment
from personal_link.settings import load_queue_settings, load_settings


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with canned_environment() as canned:
        yield canned


def test_the_functions_get_the_templates_variables(environment: Environment) -> None:
    settings = load_queue_settings(environment.variables("queue_worker"))

    assert settings.connector == load_settings(environment.variables("http_api"))
    assert settings.connector.imports_base_url == environment.vendor.url
    assert settings.connector.auth_base_url == environment.vendor.auth_url
    assert settings.connector.ledger_table == "ledger"
    assert settings.connector.access_token_secret_arn.endswith(":secret:access-token-AbCdEf")
    assert (settings.retry_window_hours, settings.batch_concurrency) == (24, 10)


def test_a_parameter_of_the_template_can_be_chosen(environment: Environment) -> None:
    variables = environment.variables("queue_worker", BatchConcurrency="1", ShareAccessToken="false")

    settings = load_queue_settings(variables)
    assert settings.batch_concurrency == 1
    assert settings.connector.access_token_secret_arn == ""


def test_a_handler_that_does_not_do_its_work_ends_the_measurement(
    environment: Environment, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="take_turns failed in http_api"):
        environment.run("http_api", workloads.take_turns, "http_api", 1, DefaultConfiguration="no-such-mapping")
    assert "the handler did not do its work" in capfd.readouterr().err


def test_a_measurement_counts_only_with_the_expected_number_of_survey_records() -> None:
    with canned_environment() as environment:
        environment.run("queue_worker", workloads.work_batches, [1, 2], 1)
        environment.vendor.expect_records(5)
        with pytest.raises(RuntimeError, match="5 survey records, 4 were expected"):
            environment.vendor.expect_records(4)


def test_the_measured_time_includes_the_vendors_latency(environment: Environment) -> None:
    environment.vendor.answer_after(0.1)

    ((single,), (double,)) = environment.run("queue_worker", workloads.work_batches, [1, 2], 1, BatchConcurrency="1")

    assert single >= 100
    assert double >= 200
