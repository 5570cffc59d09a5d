"""DynamoDB's condition and update expressions over plain dictionaries, as far as conditional writes need them.

Conditions: AND, OR, NOT, parentheses, comparisons, attribute_exists, attribute_not_exists. Updates: SET with +, - and
if_not_exists, REMOVE, ADD of numbers. Anything else is an ExpressionError, never a guess. An expression is parsed once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Value = Mapping[str, Any]  # one attribute, as DynamoDB writes it: {"S": "text"}, {"N": "1"}
Item = Mapping[str, Value]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*|\S)")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


class ExpressionError(Exception):
    """The expression is wrong, or uses what is not known here."""


@dataclass(frozen=True)
class _Scope:
    """What an expression is evaluated against."""

    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Value]


_Condition = Callable[[_Scope], bool]
_Operand = Callable[[_Scope], Value | None]
_Change = tuple[str, str, _Operand | None]  # SET, REMOVE or ADD; the attribute; its value


def holds(expression: str, item: Item, names: Mapping[str, str], values: Mapping[str, Value]) -> bool:
    """Tell whether a condition holds for an item; an item that does not exist is empty."""
    return _parsed_condition(expression)(_Scope(item, names, values))


def updated(expression: str, item: Item, names: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Value]:
    """Return an item as an update expression leaves it; all operands are those of before."""
    scope, after = _Scope(item, names, values), dict(item)
    for clause, path, operand in _parsed_update(expression):
        name = _resolved(path, names)
        if operand is None:
            after.pop(name, None)
            continue
        value = operand(scope)
        if value is None:
            raise ExpressionError(f"{name}: an operand of its new value does not exist")
        after[name] = _sum(item.get(name, {"N": "0"}), value, 1) if clause == "ADD" else value
    return after


def _resolved(path: str, names: Mapping[str, str]) -> str:
    if path.startswith("#") and path not in names:
        raise ExpressionError(f"{path} is not among the names")
    return names[path] if path.startswith("#") else path


def _compare(comparison: str, one: Value | None, other: Value | None) -> bool:
    if comparison in {"=", "<>"}:
        return (_plain(one) == _plain(other) and one is not None) is (comparison == "=")
    if one is None or other is None or one.keys() != other.keys():
        return False
    return _COMPARISONS[comparison](_plain(one)[1], _plain(other)[1])


def _plain(value: Value | None) -> tuple[str, Any]:
    if value is None:
        return "", None
    ((kind, content),) = value.items()
    return kind, Decimal(content) if kind == "N" else content


def _sum(one: Value, other: Value, sign: int) -> Value:
    if "N" not in one or "N" not in other:
        raise ExpressionError("only numbers are added")
    return {"N": format(Decimal(one["N"]) + sign * Decimal(other["N"]), "f")}


@cache
def _parsed_condition(expression: str) -> _Condition:
    return _Parser(expression).condition()


@cache
def _parsed_update(expression: str) -> Sequence[_Change]:
    return _Parser(expression).update()


class _Parser:
    """Recursive descent, a method a rule."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = [*_TOKEN.findall(expression), ""]  # "" is the end
        self._at = 0

    def condition(self) -> _Condition:
        condition = self._disjunction()
        self._expect("")
        return condition

    def update(self) -> Sequence[_Change]:
        changes: list[_Change] = []
        while clause := self._next().upper():
            if clause not in {"SET", "REMOVE", "ADD"}:
                raise self._error()
            changes.append(self._change(clause))
            while self._accept(","):
                changes.append(self._change(clause))
        return changes

    def _change(self, clause: str) -> _Change:
        path = self._name()
        if clause == "REMOVE":
            return clause, path, None
        if clause == "ADD":
            return clause, path, self._operand()
        self._expect("=")
        value = self._operand()
        if self._peek() in {"+", "-"}:
            sign = 1 if self._next() == "+" else -1
            value = _added(value, self._operand(), sign)
        return clause, path, value

    def _disjunction(self) -> _Condition:
        either = [self._conjunction()]
        while self._accept("OR"):
            either.append(self._conjunction())
        return lambda scope: any(condition(scope) for condition in either)

    def _conjunction(self) -> _Condition:
        all_of = [self._negation()]
        while self._accept("AND"):
            all_of.append(self._negation())
        return lambda scope: all(condition(scope) for condition in all_of)

    def _negation(self) -> _Condition:
        if self._accept("NOT"):
            negated = self._negation()
            return lambda scope: not negated(scope)
        if self._accept("("):
            inner = self._disjunction()
            self._expect(")")
            return inner
        if self._peek() in {"attribute_exists", "attribute_not_exists"}:
            wanted = self._next() == "attribute_exists"
            self._expect("(")
            path = self._name()
            self._expect(")")
            return lambda scope: (_resolved(path, scope.names) in scope.item) is wanted
        one, comparison, other = self._operand(), self._next(), self._operand()
        if comparison not in {"=", "<>", *_COMPARISONS}:
            raise self._error()
        return lambda scope: _compare(comparison, one(scope), other(scope))

    def _operand(self) -> _Operand:
        token = self._peek()
        if token.startswith(":"):
            self._next()
            return lambda scope: _given(scope, token)
        path = self._name()
        if path != "if_not_exists":
            return lambda scope: scope.item.get(_resolved(path, scope.names))
        self._expect("(")
        first = self._name()
        self._expect(",")
        otherwise = self._operand()
        self._expect(")")
        return lambda scope: scope.item.get(_resolved(first, scope.names)) or otherwise(scope)

    def _name(self) -> str:
        token = self._next()
        if not re.fullmatch("#?[A-Za-z_][A-Za-z0-9_]*", token):
            raise self._error()
        return token

    def _peek(self) -> str:
        return str(self._tokens[self._at])

    def _next(self) -> str:
        token = self._peek()
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _accept(self, token: str) -> bool:
        if self._peek().upper() != token:
            return False
        self._next()
        return True

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise self._error()

    def _error(self) -> ExpressionError:
        return ExpressionError(f"not understood near token {self._at}: {self._expression}")


def _given(scope: _Scope, token: str) -> Value:
    if token not in scope.values:
        raise ExpressionError(f"{token} is not among the values")
    return scope.values[token]


def _added(one: _Operand, other: _Operand, sign: int) -> _Operand:
    def add(scope: _Scope) -> Value:
        first, second = one(scope), other(scope)
        if first is None or second is None:
            raise ExpressionError("an operand of a sum does not exist")
        return _sum(first, second, sign)

    return add
