"""One item of the ledger in moto's DynamoDB: the same write of the same item is made once."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.aws.account import Account

Item = Mapping[str, Any]


class LedgerTable:
    """Answers what becomes of an item."""

    def __init__(self, account: Account) -> None:
        self._dynamodb = account.dynamodb
        self._known: dict[tuple[str, str], str | None] = {}

    def after(self, item: str, write: str) -> str | None:
        """Return the item after a write, both in JSON; None if the write's condition does not hold."""
        if (item, write) not in self._known:
            self._known[item, write] = self._made(item, json.loads(write))
        return self._known[item, write]

    def _made(self, item: str, write: dict[str, Any]) -> str | None:
        key = {"pk": (write.get("Key") or write["Item"])["pk"]}
        self._dynamodb.delete_item(TableName="ledger", Key=key)
        if item:
            self._dynamodb.put_item(TableName="ledger", Item=json.loads(item))
        try:
            (self._dynamodb.put_item if "Item" in write else self._dynamodb.update_item)(**write)
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return json.dumps(self._dynamodb.get_item(TableName="ledger", Key=key)["Item"], sort_keys=True)
