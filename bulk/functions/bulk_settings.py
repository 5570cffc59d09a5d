"""Settings of the bulk functions. `bulk/template.yaml` sets every variable named here; `settings.Reader` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from personal_link.domain.errors import SettingsError
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
    def read(cls, reader: Reader) -> Self:
        """Read the names in the order in which `template.yaml` exports them."""
        url, _queue_arn, table, _table_arn, _topic, worker = reader.words("MAIN_STACK", 6)
        return cls(url, table, worker)


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How fast rows are sent."""

    rows_per_second: int
    most_waiting: int  # messages in the requests queue that nobody has received yet, of whatever sender
    most_in_queue: int  # messages in all: waiting, in flight and backing off


def load_split_settings(environment: Mapping[str, str] | None = None) -> tuple[MainStack, str]:
    """Return the connector's resources, and the layer with the user's event mappings that this stack has, if any.

    Raises SettingsError that names every missing or wrong variable, as do the other two.
    """
    reader = Reader(environment)
    settings = MainStack.read(reader), reader.optional("MAPPINGS_LAYER_ARN")
    reader.finish()
    return settings


def load_send_settings(environment: Mapping[str, str] | None = None) -> tuple[MainStack, SendLimits]:
    """Return the connector's resources and the parameters of the stack that limit the sending."""
    reader = Reader(environment)
    limits = SendLimits(reader.number("ROWS_PER_SECOND"), reader.number("ROWS_WAITING"), reader.number("ROWS_IN_QUEUE"))
    settings = MainStack.read(reader), limits
    reader.finish()
    return settings


def load_collect_settings(environment: Mapping[str, str] | None = None) -> MainStack:
    """Return the connector's resources."""
    reader = Reader(environment)
    stack = MainStack.read(reader)
    reader.finish()
    return stack


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The connector's settings that decide how a row becomes a request."""

    has_default_configuration: bool
    known_headings: frozenset[str]
    mappings_layer_arn: str

    @classmethod
    def of_worker(cls, functions: "LambdaClient", arn: str) -> Self:
        """Read the settings that the queue worker has now. An export could not be changed while it is imported.

        Raises SettingsError if Lambda may not decrypt them.
        """
        environment = functions.get_function_configuration(FunctionName=arn)["Environment"]
        if "Error" in environment:  # Lambda then gives no variables
            code = environment["Error"].get("ErrorCode")
            raise SettingsError(
                f"The queue worker's environment cannot be read ({code}): give this stack the connector's KmsKeyArn."
            )
        reader = Reader(environment["Variables"])
        return cls(
            has_default_configuration=bool(reader.optional("DEFAULT_CONFIGURATION")),
            known_headings=reader.names("KNOWN_HEADINGS"),
            mappings_layer_arn=reader.optional("MAPPINGS_LAYER_ARN"),
        )
