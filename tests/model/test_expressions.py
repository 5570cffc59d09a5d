"""The model's DynamoDB beside moto: the same writes, the same items and the same refusals."""

import json
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.account import Account
from tests.model.deliveries import Call, Delivery, prepare
from tests.model.explorer import Explorer, Scenario
from tests.model.expressions import Item, holds, written


def writes_of_the_model() -> list[dict[str, Any]]:
    """Return every write that the ledger makes in a small scenario, each once."""
    http = (Delivery("a", "http", key=None), Delivery("b", "http", key=None), Delivery("z", "http", key=None))
    explorer = Explorer(Scenario(http, 1, pauses=(7200.0,)))
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch)
        assert list(explorer.problems()) == []
    calls = {step.arguments for step in explorer.steps() if isinstance(step, Call) and step.to == "ledger"}
    return [json.loads(arguments) for arguments in sorted(calls)]


def pk_of(arguments: dict[str, Any]) -> str:
    pk: str = (arguments.get("Key") or arguments["Item"])["pk"]["S"]
    return pk


def by_moto(account: Account, arguments: dict[str, Any]) -> tuple[str, Any]:
    operation = account.dynamodb.put_item if "Item" in arguments else account.dynamodb.update_item
    try:
        operation(**arguments)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return "refused", refusal.response.get("Item")
    return "ok", account.dynamodb.get_item(TableName="ledger", Key={"pk": {"S": pk_of(arguments)}})["Item"]


def test_every_write_of_the_ledger_ends_as_with_moto(account: Account) -> None:
    writes = writes_of_the_model()
    items: dict[str, Item] = {}
    ends = []
    chosen = random.Random(7)  # noqa: S311  # the same writes in each run

    for _ in range(400):
        if chosen.random() < 0.2:
            for pk in items:
                account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": pk}})
            items.clear()
        likely = [one for one in writes if holds(items.get(pk_of(one)), one)]  # else most are refused
        arguments = chosen.choice(likely if likely and chosen.random() < 0.5 else writes)
        there = items.get(pk_of(arguments))
        ours: tuple[str, Any] = ("refused", there)
        if holds(there, arguments):
            items[pk_of(arguments)] = written(there, arguments)
            ours = ("ok", items[pk_of(arguments)])
        theirs = by_moto(account, arguments)
        assert ours == theirs
        ends.append(theirs[0])

    assert len(writes) > 20
    assert min(ends.count("ok"), ends.count("refused")) > 100
