"""One item of the ledger in moto's DynamoDB, without botocore's share of a call; each write of an item is made once."""

import json
from collections.abc import Mapping
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import dynamodb_backends

from tests.aws.account import Account

Item = Mapping[str, Any]


class LedgerTable:
    """Answers what becomes of an item."""

    def __init__(self, account: Account) -> None:
        self._name = account.ledger_table
        self._moto = dynamodb_backends["123456789012"][account.dynamodb.meta.region_name]
        self._known: dict[tuple[str, str], str | None] = {}

    def after(self, item: str, write: str) -> str | None:
        """Return the item after a write, both in JSON; None if the write's condition does not hold."""
        if (item, write) not in self._known:
            self._known[item, write] = self._made(item, json.loads(write))
        return self._known[item, write]

    def _made(self, item: str, write: dict[str, Any]) -> str | None:
        key = {"pk": (write.get("Key") or write["Item"])["pk"]}
        self._moto.delete_item(self._name, key)
        if item:
            self._moto.put_item(self._name, json.loads(item))
        condition: dict[str, Any] = {
            "condition_expression": write["ConditionExpression"],
            "expression_attribute_names": write.get("ExpressionAttributeNames", {}),
            "expression_attribute_values": write.get("ExpressionAttributeValues", {}),
        }
        try:
            if "Item" in write:
                self._moto.put_item(self._name, write["Item"], **condition)
            else:
                self._moto.update_item(self._name, key, write.get("UpdateExpression", ""), **condition)
        except ConditionalCheckFailed:
            return None
        after = self._moto.get_item(self._name, key)
        return None if after is None else json.dumps(after.to_json()["Attributes"], sort_keys=True)
