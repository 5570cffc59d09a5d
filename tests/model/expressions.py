"""DynamoDB's conditional writes on one item, as far as the ledger uses them; `test_expressions.py` holds it to moto."""

import re
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

Item = Mapping[str, Any]

_TOKEN = re.compile(r"attribute_(not_)?exists\(([#\w]+)\)|[#:\w]+|<>|<=|=|<|[()]")
_WORDS = {"AND": "and", "OR": "or", "=": "==", "<>": "!=", "<": "<", "<=": "<=", "(": "(", ")": ")"}


class _Absent:
    """An attribute that is not there: no comparison with it holds."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return False

    __le__ = __gt__ = __ge__ = __lt__
    __hash__ = None  # type: ignore[assignment]


def holds(item: Item | None, arguments: Mapping[str, Any]) -> bool:
    """Tell whether the condition of a write holds for the item that is there."""
    there, names = item or {}, arguments.get("ExpressionAttributeNames", {})
    values = arguments.get("ExpressionAttributeValues", {})

    def value(name: str) -> object:
        attribute = values[name] if name[0] == ":" else there.get(names.get(name, name))
        return _Absent() if attribute is None else _plain(attribute)

    def exists(name: str) -> bool:
        return names.get(name, name) in there

    return bool(eval(_python_of(arguments["ConditionExpression"]), {"value": value, "exists": exists}))  # noqa: S307


def written(item: Item | None, arguments: Mapping[str, Any]) -> Item:
    """Return the item after a write whose condition holds."""
    if "Item" in arguments:
        return dict(arguments["Item"])
    names = arguments.get("ExpressionAttributeNames", {})
    values = arguments.get("ExpressionAttributeValues", {})
    after = dict(item or arguments["Key"])
    sets, _, removes = arguments["UpdateExpression"].partition("REMOVE ")
    for change in filter(None, re.split(r",\s*", sets.removeprefix("SET ").strip())):
        name, _, right = change.partition(" = ")
        minuend, _, subtrahend = right.partition(" - ")
        new = values[right] if not subtrahend else {"N": str(_number(after[minuend]) - _number(values[subtrahend]))}
        after[names.get(name, name)] = new
    for name in filter(None, re.split(r",\s*", removes.strip())):
        after.pop(names.get(name, name), None)
    return after


@cache
def _python_of(condition: str) -> CodeType:
    def python(token: re.Match[str]) -> str:
        if name := token[2]:
            return f"{'not ' if token[1] else ''}exists({name!r})"
        return _WORDS.get(token[0]) or f"value({token[0]!r})"

    return compile(" ".join(map(python, _TOKEN.finditer(condition))), "<condition>", "eval")


def _plain(attribute: Mapping[str, str]) -> object:
    ((kind, value),) = attribute.items()
    return float(value) if kind == "N" else value


def _number(attribute: Mapping[str, str]) -> int:
    return int(attribute["N"])
