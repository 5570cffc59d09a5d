"""What the functions know of the connector's stack and of their own parameters: the only reader of the environment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from personal_link.settings import Reader

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class MainStack:
    """The names of the connector's resources. They do not change while it exists."""

    requests_queue_url: str
    ledger_table: str
    queue_worker_arn: str

    @classmethod
    def load(cls) -> Self:
        """Read the names in the order in which `template.yaml` exports them."""
        reader = Reader()
        names = reader.text("MAIN_STACK")
        reader.finish()
        url, _queue_arn, table, _table_arn, _topic, worker = names.split(" ")
        return cls(url, table, worker)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast rows are sent."""

    rows_per_second: int
    most_waiting: int  # messages in the requests queue that nobody has received yet, of whatever sender
    most_in_queue: int  # messages in all: waiting, in flight and backing off

    @classmethod
    def load(cls) -> Self:
        """Read the parameters of `bulk/template.yaml`. Raises SettingsError."""
        reader = Reader()
        pace = cls(reader.number("ROWS_PER_SECOND"), reader.number("ROWS_WAITING"), reader.number("ROWS_IN_QUEUE"))
        reader.finish()
        return pace


@dataclass(frozen=True, slots=True)
class Settings:
    """The connector's settings that decide how a row becomes a request, and how long one is retried."""

    retry_window: float  # seconds
    has_default_configuration: bool
    known_headings: frozenset[str]
    mappings_layer_arn: str

    @classmethod
    def of_worker(cls, functions: "LambdaClient", arn: str) -> Self:
        """Read the settings that the queue worker has now. An export could not be changed while it is imported."""
        variables = functions.get_function_configuration(FunctionName=arn)["Environment"]["Variables"]
        return cls(
            retry_window=float(variables["RETRY_WINDOW_HOURS"]) * 3600,
            has_default_configuration=bool(variables["DEFAULT_CONFIGURATION"]),
            known_headings=frozenset(filter(None, map(str.strip, variables["KNOWN_HEADINGS"].split(",")))),
            mappings_layer_arn=variables["MAPPINGS_LAYER_ARN"],
        )


def mappings_layer_arn() -> str:
    """Return the layer with the user's event mappings that this stack has; empty if it has none."""
    return Reader().optional("MAPPINGS_LAYER_ARN")
