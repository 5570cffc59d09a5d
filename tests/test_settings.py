"""The environment: read in one place, complained about all at once, never quoted."""

import dataclasses
from collections.abc import Callable, Mapping

import pytest

from personal_link.domain.errors import SettingsError
from personal_link.settings import QueueSettings, Settings, load_queue_settings, load_settings
from tests.tables import table

CONNECTOR = {
    "CUSTOMERGAUGE_REGION": "eu",
    "AUTH_BASE_URL": "",
    "IMPORTS_BASE_URL": "",
    "CUSTOMERGAUGE_ENCODING": "json",
    "DEFAULT_CONFIGURATION": "",
    "MAPPINGS_LAYER_ARN": "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7",
    "CREDENTIALS_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:customergauge-AbCdEf",
    "LEDGER_TABLE": "ledger",
    "LEDGER_DAYS": "21",
    "ACCESS_TOKEN_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:access-token-AbCdEf",
    "RESULTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/results",
    "ECHO_RECORD": "true",
    "LOG_LEVEL": "INFO",
    "STACK_NAME": "personal-link",
}
QUEUE = {
    **CONNECTOR,
    "REQUESTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/requests",
    "PARKED_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/parked",
    "RETRY_WINDOW_HOURS": "24",
    "BATCH_CONCURRENCY": "10",
    "MAXIMUM_CONCURRENCY": "5",
    "VENDOR_CALLS_PER_SECOND": "0",
}
SETTINGS = Settings(
    auth_base_url="https://auth.eu.customergauge.com",
    imports_base_url="https://imports.api.eu.customergauge.com",
    encoding="json",
    default_configuration="",
    known_headings=frozenset(),
    mappings_layer_arn="arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7",
    credentials_secret_arn="arn:aws:secretsmanager:eu-central-1:123456789012:secret:customergauge-AbCdEf",
    ledger_table="ledger",
    ledger_days=21,
    access_token_secret_arn="arn:aws:secretsmanager:eu-west-1:123456789012:secret:access-token-AbCdEf",
    results_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/results",
    echo_record=True,
    log_level="INFO",
    stack_name="personal-link",
)


def test_a_complete_environment_gives_the_settings_of_the_connector() -> None:
    assert load_settings(CONNECTOR) == SETTINGS


def test_known_headings_are_split_at_commas_and_stripped_of_blanks() -> None:
    known = load_settings({**CONNECTOR, "KNOWN_HEADINGS": " Email, First Name,,Phone "}).known_headings

    assert known == {"Email", "First Name", "Phone"}


def test_a_complete_environment_of_the_process_gives_the_settings_of_the_queue_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in QUEUE.items():
        monkeypatch.setenv(name, value)

    assert load_queue_settings() == QueueSettings(
        connector=SETTINGS,
        requests_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/requests",
        parked_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/parked",
        retry_window_hours=24,
        batch_concurrency=10,
        maximum_concurrency=5,
        vendor_calls_per_second=0,
    )


@pytest.mark.parametrize("region", ["eu", "us", "au"])
def test_the_region_selects_both_hosts_of_customergauge(region: str) -> None:
    settings = load_settings({**CONNECTOR, "CUSTOMERGAUGE_REGION": region})

    assert settings.auth_base_url == f"https://auth.{region}.customergauge.com"
    assert settings.imports_base_url == f"https://imports.api.{region}.customergauge.com"


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("CUSTOMERGAUGE_ENCODING", "form", "encoding", "form"),
        ("DEFAULT_CONFIGURATION", " map-1 ", "default_configuration", "map-1"),
        ("ECHO_RECORD", "false", "echo_record", False),
        ("LEDGER_DAYS", "1", "ledger_days", 1),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("AUTH_BASE_URL", "https://proxy.example", "auth_base_url", "https://proxy.example"),
        ("IMPORTS_BASE_URL", "https://proxy.example:8443/", "imports_base_url", "https://proxy.example:8443"),
        ("AUTH_BASE_URL", "http://127.0.0.1:8080", "auth_base_url", "http://127.0.0.1:8080"),
        ("AUTH_BASE_URL", "http://localhost", "auth_base_url", "http://localhost"),
        ("IMPORTS_BASE_URL", "http://[::1]:8080", "imports_base_url", "http://[::1]:8080"),
    ],
)
def test_one_variable_changes_one_setting(name: str, value: str, field: str, read: object) -> None:
    settings = load_settings({**CONNECTOR, name: value})

    assert dataclasses.asdict(settings) == {**dataclasses.asdict(SETTINGS), field: read}


@pytest.mark.parametrize(("load", "variables"), [(load_settings, CONNECTOR), (load_queue_settings, QUEUE)])
def test_the_error_for_an_empty_environment_lists_every_missing_variable(
    load: Callable[[Mapping[str, str]], object], variables: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load({})

    may_be_missing = {"AUTH_BASE_URL", "IMPORTS_BASE_URL", "DEFAULT_CONFIGURATION", "ACCESS_TOKEN_SECRET_ARN"}
    may_be_missing |= {"MAPPINGS_LAYER_ARN"}
    assert str(caught.value) == "The environment is not complete: " + "; ".join(
        f"{name} is missing" for name in variables if name not in may_be_missing
    )


def test_the_error_lists_missing_and_invalid_variables_together() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**CONNECTOR, "CUSTOMERGAUGE_REGION": "EU", "LEDGER_TABLE": "\n", "ECHO_RECORD": "yes"})

    assert str(caught.value) == (
        "The environment is not complete: CUSTOMERGAUGE_REGION must be one of eu, us, au; "
        "LEDGER_TABLE is missing; ECHO_RECORD must be one of true, false"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOMERGAUGE_REGION", "EU"),
        ("CUSTOMERGAUGE_ENCODING", "xml"),
        ("LEDGER_DAYS", "0"),
        ("LEDGER_DAYS", "1.5"),
        ("LEDGER_DAYS", "٣"),
        ("ECHO_RECORD", "True"),
        ("LOG_LEVEL", "info"),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f": {name} must be [^;]*$"):
        load_settings({**CONNECTOR, name: value})


@pytest.mark.parametrize("name", ["AUTH_BASE_URL", "IMPORTS_BASE_URL"])
@table(
    "value",
    ("http", "http://proxy.example"),
    ("http on a host that begins like loopback", "http://127.0.0.1.proxy.example"),
    ("http with loopback as a user", "http://127.0.0.1@proxy.example"),
    ("http in a private network", "http://10.0.0.1"),
    ("with credentials", "https://user:hidden@proxy.example"),
    ("with a path", "https://proxy.example/path"),
    ("with a query", "https://proxy.example?query"),
    ("without a host", "https://"),
    ("with a blank", "https://proxy .example"),
    ("without a scheme", "proxy.example"),
)
def test_a_base_url_that_is_neither_https_nor_on_loopback_or_has_a_path_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**CONNECTOR, name: value})

    assert str(caught.value) == (
        f"The environment is not complete: {name} must be https://host, or http:// on loopback, without a path"
    )
