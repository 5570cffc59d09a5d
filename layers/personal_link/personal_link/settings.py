"""Settings of the functions: the only reader of the environment. `template.yaml` sets every variable named here."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from personal_link.customergauge.client import Encoding
from personal_link.domain.errors import SettingsError

REGIONS: Final = ("eu", "us", "au")  # the vendor's host regions, from its API page

_BASE_URL: Final = re.compile(r"https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all functions."""

    auth_base_url: str
    imports_base_url: str
    encoding: Encoding
    default_configuration: str
    known_headings: frozenset[str]
    mappings_layer_arn: str  # empty: the event mappings are ours
    credentials_secret_arn: str
    ledger_table: str
    ledger_days: int
    access_token_secret_arn: str  # of the shared token; empty: each environment has its own token
    results_queue_url: str
    echo_record: bool
    log_level: str
    stack_name: str


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Settings of the queue worker."""

    connector: Settings
    requests_queue_url: str
    parked_queue_url: str
    retry_window_hours: int
    batch_concurrency: int
    maximum_concurrency: int
    vendor_calls_per_second: int  # limit of all workers together; 0: no limit


def token_server(region: str) -> str:
    """Return the vendor's own base URL for access tokens."""
    return f"https://auth.{region}.customergauge.com"


def runs_in_lambda() -> bool:
    """Tell whether this process runs in Lambda."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings. Raises SettingsError that names every missing or wrong variable."""
    reader = Reader(environment)
    settings = _settings(reader)
    reader.finish()
    return settings


def load_queue_settings(environment: Mapping[str, str] | None = None) -> QueueSettings:
    """Return the queue worker's settings. Raises SettingsError as `load_settings` does."""
    reader = Reader(environment)
    settings = QueueSettings(
        connector=_settings(reader),
        requests_queue_url=reader.text("REQUESTS_QUEUE_URL"),
        parked_queue_url=reader.text("PARKED_QUEUE_URL"),
        retry_window_hours=reader.number("RETRY_WINDOW_HOURS"),
        batch_concurrency=reader.number("BATCH_CONCURRENCY"),
        maximum_concurrency=reader.number("MAXIMUM_CONCURRENCY"),
        vendor_calls_per_second=reader.number("VENDOR_CALLS_PER_SECOND", zero=True),
    )
    reader.finish()
    return settings


def _settings(reader: "Reader") -> Settings:
    region = reader.choice("CUSTOMERGAUGE_REGION", REGIONS)
    encoding = reader.choice("CUSTOMERGAUGE_ENCODING", ("json", "form"))
    return Settings(
        auth_base_url=reader.base_url("AUTH_BASE_URL", token_server(region)),
        imports_base_url=reader.base_url("IMPORTS_BASE_URL", f"https://imports.api.{region}.customergauge.com"),
        encoding="form" if encoding == "form" else "json",
        default_configuration=reader.optional("DEFAULT_CONFIGURATION"),
        known_headings=reader.names("KNOWN_HEADINGS"),
        mappings_layer_arn=reader.optional("MAPPINGS_LAYER_ARN"),
        credentials_secret_arn=reader.text("CREDENTIALS_SECRET_ARN"),
        ledger_table=reader.text("LEDGER_TABLE"),
        ledger_days=reader.number("LEDGER_DAYS"),
        access_token_secret_arn=reader.optional("ACCESS_TOKEN_SECRET_ARN"),
        results_queue_url=reader.text("RESULTS_QUEUE_URL"),
        echo_record=reader.choice("ECHO_RECORD", ("true", "false")) == "true",
        log_level=reader.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR")),
        stack_name=reader.text("STACK_NAME"),
    )


class Reader:
    """Read variables and collect their problems, so that one error names all of them."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._problems: list[str] = []

    def finish(self) -> None:
        """Raise SettingsError if there was a problem."""
        if self._problems:
            raise SettingsError("The environment is not complete: " + "; ".join(self._problems))

    def optional(self, name: str) -> str:
        """Return a variable; empty if it is not set."""
        return self._environment.get(name, "").strip()

    def text(self, name: str) -> str:
        """Return a variable that must be set."""
        value = self.optional(name)
        if not value:
            self._problems.append(f"{name} is missing")
        return value

    def names(self, name: str) -> frozenset[str]:
        """Return names separated by commas; none if the variable is not set."""
        return frozenset(filter(None, map(str.strip, self.optional(name).split(","))))

    def words(self, name: str, count: int) -> list[str]:
        """Return so many words separated by spaces."""
        words = self.text(name).split()
        if words and len(words) != count:
            self._problems.append(f"{name} must be {count} words")
        return words if len(words) == count else [""] * count

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        value = self.text(name)
        if value and value not in choices:
            self._problems.append(f"{name} must be one of {', '.join(choices)}")
        return value

    def number(self, name: str, *, zero: bool = False) -> int:
        """Return a whole number above zero, or zero if that is allowed."""
        value = self.text(name)
        if value and not (zero and value == "0") and not re.fullmatch("[1-9][0-9]{0,5}", value):
            self._problems.append(f"{name} must be a whole number{'' if zero else ' above zero'}")
            return 0
        return int(value or 0)

    def base_url(self, name: str, default: str) -> str:
        """Return https://host, or http:// on loopback, without a path."""
        value = self.optional(name).rstrip("/") or default
        if not _BASE_URL.fullmatch(value):
            self._problems.append(f"{name} must be https://host, or http:// on loopback, without a path")
        return value
