"""Map events of other systems to requests with the JMESPath expressions of event_mappings.toml (docs/mapping.md).

Each entry has an expression for `configuration`, `reference`, `idempotency_key` and each heading of the record, over
the whole EventBridge event. Its problem names the expression and quotes nothing of the event.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import jmespath
from jmespath import functions, visitor
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.parser import ParsedResult

from personal_link.domain.errors import SettingsError
from personal_link.domain.request import is_scalar
from personal_link.triggers.deliveries import Mapped

FILE: Final = Path(__file__).parents[1] / "event_mappings.toml"
MAX_NESTING: Final = 100  # levels of an expression
MAX_SHOWN: Final = 256  # characters of an expression in an error
_TOO_DEEP: Final = f"is nested too deeply: at most {MAX_NESTING} levels"
_LABELS: Final = ("configuration", "reference", "idempotency_key")
_MISSING: Final[tuple[object, ...]] = (None, [], {})  # PHP writes an empty list for what is missing
_NULL_TYPES: Final = ("null", "NoneType")  # the names of JMESPathTypeError: JMESPath's or, within a list, Python's


class _Functions(functions.Functions):
    """The functions of JMESPath, made to return null for a missing argument, and additional ones."""

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        """Return null, instead of raising an error, if an argument is missing and the function refuses it."""
        try:
            return super().call_function(function_name, resolved_args)
        except JMESPathTypeError as error:
            if error.current_value not in _MISSING and error.actual_type not in _NULL_TYPES:
                raise
        except TypeError:  # of `merge`, which looks at its first argument only
            if None not in resolved_args:
                raise
        return None

    @functions.signature({"types": ["string"]}, {"types": ["string"]})
    def _func_split(self, text: str, separator: str) -> list[str]:
        """Split a text, as in JMESPath's enhancement proposal 14."""
        return text.split(separator) if separator else list(text)

    @functions.signature({"types": []})
    def _func_to_string(self, value: object) -> object:
        """Keep a missing value missing: JMESPath returns the text `null`, which would become part of a key."""
        return None if value in _MISSING else super()._func_to_string(value)  # type: ignore[misc]  # not in the stubs

    @functions.signature({"types": ["string"]})
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @functions.signature({"types": ["string"]})
    def _func_sha256(self, text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    @functions.signature({"types": ["number"]})
    def _func_to_amount(self, cents: float) -> str:
        """Return whole cents as an amount, `59.90`, in text: a float would lose the last digit."""
        whole = int(cents)
        if whole != cents:
            raise ValueError("not whole cents")
        return f"{'-' if whole < 0 else ''}{abs(whole) // 100}.{abs(whole) % 100:02}"

    @functions.signature({"types": ["number"]})
    def _func_to_date(self, seconds: float) -> str:
        """Return the UTC date of epoch seconds."""
        return (date(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()


class _Interpreter(visitor.TreeInterpreter):
    """JMESPath's interpreter, with blank text treated as a missing field."""

    def visit_field(self, node: Any, value: Any) -> Any:
        found = super().visit_field(node, value)
        return None if isinstance(found, str) and not found.strip() else found


_OPTIONS: Final = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True)
class EventMappings:
    """The entries of the mappings file, by name."""

    entries: "Mapping[str, _Entry]"

    def apply(self, event: Mapping[str, object]) -> Mapped | None:
        """Return the result of the first entry that matches an event; None if no entry matches."""
        entry = next((entry for entry in self.entries.values() if entry.takes(event)), None)
        return entry.apply(event) if entry else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """The expressions for one kind of event, by field (`reference`, `record.Email`)."""

    name: str
    detail_type: str
    when: ParsedResult | None
    expressions: Mapping[str, ParsedResult]
    optional: frozenset[str]

    def takes(self, event: Mapping[str, object]) -> bool:
        """Tell whether an event matches: the detail-type is equal, and `when` gives something other than false or 0."""
        if event.get("detail-type") != self.detail_type:
            return False
        return self.when is None or bool(_evaluate(self.when, event)[0])

    def apply(self, event: Mapping[str, object]) -> Mapped:
        content: dict[str, object] = {}
        record: dict[str, object] = {}
        problems: dict[str, list[str]] = {}
        for name, expression in self.expressions.items():
            value, problem = _evaluate(expression, event)
            if not problem and name in _LABELS and isinstance(value, int | float) and not isinstance(value, bool):
                value = str(int(value) if value.is_integer() else value)  # labels are text, but most ids are numbers
            if problem is None and value is None and name not in self.optional:
                problem = "gives nothing"
            if problem is not None:
                problems[name] = [f'the mapping of "{self.name}" {problem}: {expression.expression}']
            elif value is not None:
                target, key = (content, name) if name in _LABELS else (record, name.partition(".")[2])
                target[key] = value
        return Mapped({**content, "record": record}, problems)


def _evaluate(expression: ParsedResult, event: Mapping[str, object]) -> tuple[Any, str | None]:
    """Return the value of an expression, or the problem. The library's own messages would quote the event."""
    try:
        value = _Interpreter(_OPTIONS).visit(expression.parsed, event)
    except (JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError):
        return None, "does not work on this event"
    if value in _MISSING or (isinstance(value, str) and not value.strip()):
        return None, None
    return value, None if is_scalar(value) else "gives no text, number or boolean"


def load_deployed(layer_arn: str) -> EventMappings:
    """Return the mappings of the user's own layer, or ours if there is none. Raises SettingsError as `load` does.

    Lambda puts the folder `python` of every layer on Python's path.
    """
    own = (Path(folder, FILE.name) for folder in sys.path)
    file = next(filter(Path.is_file, own), None) if layer_arn else FILE
    if file is None:
        raise SettingsError(f"the layer of MappingsLayerArn has no python/{FILE.name}")
    return load(file)


def load(file: Path = FILE) -> EventMappings:
    """Return the compiled mappings of a file. Raises SettingsError that names every wrong entry and expression."""
    import tomllib  # noqa: PLC0415  # http_api does not need it: it costs some milliseconds of a cold start

    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file.name} is not UTF-8: see line {error.object[: error.start].count(10) + 1}") from None
    except (ValueError, RecursionError) as error:  # not TOML, nested too deeply
        raise SettingsError(f"{file.name} is not TOML: {error}") from None
    except OSError as error:
        hint = "chmod 644 before it is zipped" if isinstance(error, PermissionError) else error.strerror
        raise SettingsError(f"{file.name} cannot be read: {hint}") from None
    problems: list[str] = []
    mappings = {name: _entry(name, entry, problems) for name, entry in entries.items()}
    takes_all: dict[str, str] = {}
    for name, entry in mappings.items():
        if earlier := takes_all.get(entry.detail_type):
            problems.append(f'"{name}" is never reached: "{earlier}" takes all of its detail-type')
        elif entry.when is None:
            takes_all[entry.detail_type] = name
    if problems:
        raise SettingsError(f"{file.name}: " + "; ".join(problems))
    return EventMappings(mappings)


def _entry(entry_name: str, entry: Any, problems: list[str]) -> _Entry:
    def wrong(what: str) -> None:
        problems.append(f'"{entry_name}" {what}')

    entry = entry if isinstance(entry, dict) else {}
    record = entry.get("record")
    if not isinstance(record, dict) or not record:
        wrong("needs a [record] of at least one heading")
        record = {}
    texts = {name: entry[name] for name in _LABELS if name in entry}
    texts |= {f"record.{heading}": text for heading, text in record.items()}
    if unknown := sorted(entry.keys() - {*_LABELS, "record", "optional", "detail_type", "when"}):
        wrong(f"has {', '.join(unknown)}: it may have detail_type, when, {', '.join(_LABELS)}, optional and record")
    detail_type = entry.get("detail_type", entry_name)
    if not isinstance(detail_type, str) or not detail_type:
        wrong("detail_type must be a text")
        detail_type = entry_name
    optional = entry.get("optional", [])
    if not isinstance(optional, list) or any(name not in list(texts) for name in optional):
        wrong(f"optional is {str(optional)[:MAX_SHOWN]}: it must be a list of some of {', '.join(texts)}")
        optional = []
    expressions: dict[str, ParsedResult] = {}
    for name, text in (texts | {"when": entry["when"]} if "when" in entry else texts).items():
        try:
            expressions[name] = _compile(text)
        except ValueError as error:
            wrong(f"{name}: {error}: {str(text)[:MAX_SHOWN]}")
    when = expressions.pop("when", None)
    return _Entry(entry_name, detail_type, when, expressions, frozenset(optional))


def _compile(text: Any) -> ParsedResult:
    """Return a compiled expression. Raises ValueError, before any event, for one that would fail on every event."""
    if not isinstance(text, str):
        raise ValueError("must be a text, an expression in JMESPath")  # noqa: TRY004  # the caller collects ValueError
    try:
        expression = jmespath.compile(text)
    except JMESPathError as error:
        problem = " ".join(str(error).split("\n")[0].removesuffix(", for expression:").rstrip(":").split())
        raise ValueError(f"is no JMESPath ({problem}; a fixed text needs '…')") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    known = _Functions.FUNCTION_TABLE
    for name, count in _calls(expression.parsed):
        if name not in known:
            raise ValueError(f"there is no function {name}()")
        signature = known[name]["signature"]
        takes_more = bool(signature) and bool(signature[-1].get("variadic"))
        if count < len(signature) or (count > len(signature) and not takes_more):
            raise ValueError(f"{name}() takes {len(signature)} argument{'s' * (len(signature) != 1)}")
    return expression


def _calls(node: Any, depth: int = 1) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of arguments of each function call in a parsed expression.

    Raises ValueError if it is nested so deeply that evaluating it could exceed Python's recursion limit.
    """
    if depth > MAX_NESTING:
        raise ValueError(_TOO_DEEP)
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node["value"], len(node["children"])
        for child in node.get("children", ()):
            yield from _calls(child, depth + 1)
