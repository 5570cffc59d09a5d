"""The ledger's item of a request."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stack import STACK_NAME, Stack


class LedgerItems:
    """Read the ledger's table."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def of(self, ids: Collection[str]) -> Mapping[str, Any] | None:
        """Return the item whose request came with one of these ids. A scan is fine here: the table is small."""
        values: Any = {f":id{number}": {"S": name} for number, name in enumerate(sorted(ids))}
        if not values:
            return None
        with suppress(BotoCoreError, ClientError):  # the emulator is busy: the next look comes in a second
            items = self._stack.dynamodb.scan(
                TableName=self._table,
                FilterExpression=f"source_id IN ({', '.join(values)})",
                ExpressionAttributeValues=values,
            )["Items"]
            return items[0] if items else None
        return None

    @cached_property
    def _table(self) -> str:
        client = self._stack.emulator.client("cloudformation")
        found = client.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId="LedgerTable")
        return str(found["StackResourceDetail"]["PhysicalResourceId"])
