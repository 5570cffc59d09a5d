"""Events of others made into requests, without code: the JMESPath expressions of event_mappings.toml.

Per detail-type the file has an expression for `configuration`, `reference`, `idempotency_key` and each heading of the
record, over the whole event as EventBridge delivers it (docs/mapping.md). Whatever an event may hold, evaluating it
ends in a value, or in a problem that names the expression and quotes nothing of the event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from personal_link.errors import SettingsError
from personal_link.request import is_scalar
from personal_link.triggers import Mapped

FILE: Final = Path(__file__).with_name("event_mappings.toml")
MAX_DEPTH: Final = 100  # levels of an expression
MAX_SHOWN: Final = 256  # characters of an expression in an error
_TOO_DEEP: Final = f"is nested too deeply: at most {MAX_DEPTH} levels"
_LABELS: Final = ("configuration", "reference", "idempotency_key")


class _Functions(functions.Functions):
    """JMESPath's functions, with two of our own."""

    @functions.signature({"types": ["string"]}, {"types": ["string"]})
    def _func_split(self, text: str, separator: str) -> list[str]:
        """Split a text, as JMESPath's enhancement proposal 14 has it: keys of S3 objects say much that way."""
        return text.split(separator) if separator else list(text)

    @functions.signature({"types": []})
    def _func_to_string(self, value: object) -> object:
        """Leave null null, where JMESPath makes the text `null` of it: no key may be made of nothing."""
        return None if value is None else super()._func_to_string(value)  # type: ignore[misc]  # not in the stubs


_OPTIONS: Final = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True)
class EventMappings:
    """How the events of each detail-type become requests."""

    entries: "Mapping[str, _Entry]"

    def apply(self, event: Mapping[str, object]) -> Mapped | None:
        """Return what an event gives; None if its detail-type has no entry, and its detail is a request by itself."""
        detail_type = event.get("detail-type")
        entry = self.entries.get(detail_type) if isinstance(detail_type, str) else None
        return entry.apply(event) if entry else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """The expressions for one detail-type, by the field that each is for (`reference`, `record.Email`)."""

    detail_type: str
    expressions: Mapping[str, ParsedResult]
    optional: frozenset[str]

    def apply(self, event: Mapping[str, object]) -> Mapped:
        content: dict[str, object] = {}
        record: dict[str, object] = {}
        problems: dict[str, list[str]] = {}
        for name, expression in self.expressions.items():
            value, problem = _evaluate(expression, event)
            if name in _LABELS and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)  # labels are texts, and most systems' ids are numbers
            if problem is None and value is None and name not in self.optional:
                problem = "gives nothing"
            if problem is not None:
                problems[name] = [f'the mapping of "{self.detail_type}" {problem}: {expression.expression}']
            elif value is not None:
                target, key = (content, name) if name in _LABELS else (record, name.partition(".")[2])
                target[key] = value
        return Mapped({**content, "record": record}, problems)


def _evaluate(expression: ParsedResult, event: Mapping[str, object]) -> tuple[Any, str | None]:
    """Return what an expression gives, or what is wrong; the library's own messages quote the event."""
    try:
        value = expression.search(event, options=_OPTIONS)
    except (JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError):
        return None, "does not work on this event"
    if not is_scalar(value):
        return None, "gives no text, number or boolean"
    return value, None


def load(file: Path = FILE) -> EventMappings:
    """Return the mappings of a file, all compiled. Raises SettingsError naming every wrong entry and expression."""
    import tomllib  # noqa: PLC0415  # some milliseconds of a cold start, which http_api does without

    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, nested without end
        raise SettingsError(f"{file.name} is not TOML: {error}") from None
    problems: list[str] = []
    mappings = {name: _entry(name, entry, problems) for name, entry in entries.items()}
    if problems:
        raise SettingsError(f"{file.name}: " + "; ".join(problems))
    return EventMappings(mappings)


def _entry(detail_type: str, entry: Any, problems: list[str]) -> _Entry:
    def wrong(what: str) -> None:
        problems.append(f'"{detail_type}" {what}')

    entry = entry if isinstance(entry, dict) else {}
    record = entry.get("record")
    if not isinstance(record, dict) or not record:
        wrong("needs a [record] of at least one heading")
        record = {}
    texts = {name: entry[name] for name in _LABELS if name in entry}
    texts |= {f"record.{heading}": text for heading, text in record.items()}
    if unknown := sorted(entry.keys() - {*_LABELS, "record", "optional"}):
        wrong(f"has {', '.join(unknown)}: it may have {', '.join(_LABELS)}, optional and record")
    optional = entry.get("optional", [])
    if not isinstance(optional, list) or any(name not in texts for name in optional):
        wrong(f"optional must be a list of some of {', '.join(texts)}")
        optional = []
    expressions: dict[str, ParsedResult] = {}
    for name, text in texts.items():
        try:
            expressions[name] = _compile(text)
        except ValueError as error:
            wrong(f"{name}: {error}: {str(text)[:MAX_SHOWN]}")
    return _Entry(detail_type, expressions, frozenset(optional))


def _compile(text: Any) -> ParsedResult:
    """Return an expression. Raises ValueError for one that could work on no event; JMESPath would tell only then."""
    if not isinstance(text, str):
        raise ValueError("must be a text, an expression in JMESPath")  # noqa: TRY004  # told as what is wrong with it
    try:
        expression = jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError("is no JMESPath (" + " ".join(str(error).split("\n")[0].split()) + ")") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    known = _Functions.FUNCTION_TABLE
    for name, count in _calls(expression.parsed):
        if name not in known:
            raise ValueError(f"there is no function {name}()")
        signature = known[name]["signature"]
        takes_more = bool(signature) and bool(signature[-1].get("variadic"))
        if count < len(signature) or (count > len(signature) and not takes_more):
            raise ValueError(f"{name}() takes {len(signature)} arguments")
    return expression


def _calls(node: Any, depth: int = 1) -> Iterator[tuple[str, int]]:
    """Return the functions that a parsed expression calls, each with the number of its arguments.

    Raises ValueError for one so deep that evaluating it could exceed Python's recursion limit.
    """
    if depth > MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node["value"], len(node["children"])
        for child in node.get("children", ()):
            yield from _calls(child, depth + 1)
