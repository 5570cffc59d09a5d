"""The settings of the bulk functions: their own environment, and the queue worker's."""

from typing import Any

import pytest

from bulk_settings import (
    MainStack,
    SendLimits,
    WorkerSettings,
    load_collect_settings,
    load_send_settings,
    load_split_settings,
)
from personal_link.domain.errors import SettingsError

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7"
MAIN_STACK = {"MAIN_STACK": "https://q arn:q ledger arn:t arn:topic arn:worker"}
STACK = MainStack("https://q", "ledger", "arn:worker")


class Functions:
    """Lambda, as far as the settings need it."""

    def __init__(self, **environment: dict[str, str]) -> None:
        self._environment = environment

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        assert FunctionName == "arn:worker"
        return {"Environment": self._environment}


def settings_of_worker(**variables: str) -> WorkerSettings:
    worker: Any = Functions(Variables=variables)
    return WorkerSettings.of_worker(worker, "arn:worker")


def test_each_function_has_the_names_of_the_main_stack_and_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"ROWS_PER_SECOND": "20", "ROWS_WAITING": "30", "ROWS_IN_QUEUE": "1000"}
    monkeypatch.setenv("MAIN_STACK", MAIN_STACK["MAIN_STACK"])

    assert load_split_settings({**MAIN_STACK, "MAPPINGS_LAYER_ARN": LAYER}) == (STACK, LAYER)
    assert load_split_settings({**MAIN_STACK, "MAPPINGS_LAYER_ARN": ""}) == (STACK, "")
    assert load_send_settings({**MAIN_STACK, **limits}) == (STACK, SendLimits(20, 30, 1000))
    assert load_collect_settings() == STACK


def test_one_error_names_every_missing_or_wrong_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load_send_settings({"MAIN_STACK": "https://q ledger", "ROWS_WAITING": "many", "ROWS_IN_QUEUE": "1000"})

    assert str(caught.value) == (
        "The environment is not complete: ROWS_PER_SECOND is missing; ROWS_WAITING must be a whole number above zero; "
        "MAIN_STACK must be 6 words"
    )


@pytest.mark.parametrize("load", [load_split_settings, load_collect_settings])
def test_a_missing_main_stack_is_named(load: Any) -> None:
    with pytest.raises(SettingsError, match=r"MAIN_STACK is missing$"):
        load({})


def test_the_settings_of_the_connector_are_read_from_the_variables_of_the_queue_worker() -> None:
    variables = {"DEFAULT_CONFIGURATION": "contact", "KNOWN_HEADINGS": "Email, Name", "MAPPINGS_LAYER_ARN": LAYER}

    assert settings_of_worker(**variables) == WorkerSettings(
        has_default_configuration=True, known_headings=frozenset({"Email", "Name"}), mappings_layer_arn=LAYER
    )


def test_empty_variables_of_the_queue_worker_mean_no_default_and_no_known_headings() -> None:
    empty = dict.fromkeys(["DEFAULT_CONFIGURATION", "KNOWN_HEADINGS", "MAPPINGS_LAYER_ARN"], "")

    assert settings_of_worker(**empty) == WorkerSettings(
        has_default_configuration=False, known_headings=frozenset(), mappings_layer_arn=""
    )


def test_the_error_says_when_the_variables_of_the_queue_worker_cannot_be_decrypted() -> None:
    worker: Any = Functions(Error={"ErrorCode": "AccessDeniedException", "Message": "arn:key"})

    with pytest.raises(SettingsError) as caught:
        WorkerSettings.of_worker(worker, "arn:worker")

    assert str(caught.value) == (
        "The queue worker's environment cannot be read (AccessDeniedException): "
        "give this stack the connector's KmsKeyArn."
    )
