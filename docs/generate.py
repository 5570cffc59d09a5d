"""Write the tables of these pages from the template and the code.

Each table stands in a page between two marks of cog; `make docs` calls this module and replaces what is between them.
"""

import dataclasses
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Final

import click

from benchmarks import cost
from operate.commands import operate
from operate.reports import REPORTS
from personal_link.domain.errors import CODES, Code
from sandbox import REPOSITORY
from sandbox.template import source_template

PACKAGE: Final = REPOSITORY / "layers" / "personal_link" / "personal_link"

# What becomes of a queued request, and why: the code has this in many places, so it is written here once.
MEANINGS: Final[dict[Code, tuple[str, str]]] = {
    Code.INVALID_REQUEST: ("rejected; parked if it holds no request", "The request breaks the contract."),
    Code.TOO_LARGE: ("rejected; parked if no result can hold it", "The request is over 64 KiB or 200 headings."),
    Code.UNSUPPORTED_MEDIA_TYPE: ("-", "The body is neither JSON nor a form."),
    Code.IDEMPOTENCY_KEY_REUSED: ("rejected", "A different request has used this key."),
    Code.NO_MATCHING_CAMPAIGN: ("rejected", "No active personal link campaign matches the record."),
    Code.DUPLICATE_RECORD: ("rejected", "A duplication rule of CustomerGauge excludes the contact."),
    Code.MAPPING_NOT_FOUND: ("rejected", "CustomerGauge has no inbound mapping of this name."),
    Code.VALIDATION_FAILED: ("rejected", "CustomerGauge refuses a value; `errors` names the field."),
    Code.BAD_REQUEST: ("rejected", "CustomerGauge refuses the request for another reason."),
    Code.OUTCOME_UNKNOWN: ("unknown", "An earlier attempt got no answer; now CustomerGauge reports a duplicate."),
    Code.BAD_RESPONSE: ("unknown", "CustomerGauge accepted the record but sent no usable link."),
    Code.IN_PROGRESS: ("retried", "Another attempt with this key is in flight."),
    Code.RATE_LIMITED: (
        "retried",
        "CustomerGauge asks to slow down, or a limit of the stack is reached (`VendorCallsPerSecond`).",
    ),
    Code.UNAVAILABLE: ("retried", "CustomerGauge cannot be reached, or it fails."),
    Code.NO_ANSWER: ("retried", "The request was sent and no answer came."),
    Code.CREDENTIALS_MISSING: ("retried", "The secret is empty, malformed or unreadable."),
    Code.CREDENTIALS_REFUSED: ("retried", "CustomerGauge refuses the client id, the secret or the token."),
    Code.FORBIDDEN: ("retried", "The client has no permission for personal links."),
    Code.INTERNAL_ERROR: ("retried", "AWS or the connector failed."),
}

HEADLINES: Final = {  # rows of the benchmarks, in the words of README
    "init, http_api / floor": "a cold start takes {} times as long as that of boto3 with the same clients",
    "warm, http_api / by hand, vendor 50 ms": "a warm request {} times the same calls by hand",
    "batch of 10 / batch of 1": "ten messages {} times as long as one",
    "200 messages, 20% of the calls fail: 95 % / healthy": (
        "95 % of 200 queued messages take {} times as long if a fifth of the calls fail"
    ),
}


def parameters() -> str:
    """Return the template's parameters."""
    rows = (
        (f"`{name}`", f"`{one['Default']}`" if one["Default"] != "" else "empty", _allowed(one), one["Description"])
        for name, one in source_template()["Parameters"].items()
    )
    return _table(("parameter", "default", "allowed", "meaning"), rows)


def outputs() -> str:
    """Return the template's outputs."""
    rows = ((f"`{name}`", one["Description"]) for name, one in source_template()["Outputs"].items())
    return _table(("output", "meaning"), rows)


def codes() -> str:
    """Return the error codes."""
    rows = (
        (
            f"`{code}`",
            str(meaning.http_status),
            str(meaning.http_retry_after or "-"),
            MEANINGS[code][0],
            f"{meaning.longest_delay} s" if MEANINGS[code][0] == "retried" else "-",
            MEANINGS[code][1],
        )
        for code, meaning in CODES.items()
    )
    head = ("code", "HTTP", "`Retry-After`", "on the queue", "longest back-off", "meaning")
    return _table(head, rows)


def metrics() -> str:
    """Return the metrics, as the comments of their enumeration describe them."""
    source = (PACKAGE / "metrics.py").read_text()
    found = re.findall(r'^    [A-Z_]+ = "(\w+)"  # (.+)$', source, re.MULTILINE)
    return _table(("metric", "what it counts"), ((f"`{name}`", comment) for name, comment in found))


def alarms() -> str:
    """Return the alarms that tell somebody, each with its condition and its sentence."""
    found = {name: one["Properties"] for name, one in source_template()["Resources"].items()}
    rows = (
        (f"[`{name}`](#{name.lower()})", _condition(alarm), alarm["AlarmDescription"].partition(" docs/")[0])
        for name, alarm in found.items()
        if "AlarmActions" in alarm
    )
    return _table(("alarm", "condition", "text"), rows)


def headline_figures() -> str:
    """Return four figures of the page that `make bench` writes, in a sentence."""
    page = (REPOSITORY / "docs" / "benchmarks" / "README.md").read_text()
    measured = {row[0]: row[2] for row in re.findall(r"^\| (.+?) \| ≤ (\S+).*? \| (\S+) \|", page, re.MULTILINE)}
    parts = [words.format(f"{float(measured[row]):.2f}") for row, words in HEADLINES.items()]
    text = f"[Measured](docs/benchmarks/README.md): {', '.join(parts)}."
    return f"{textwrap.fill(text, 150)}\n"


def price() -> str:
    """Return what the stack costs, in a line."""
    return f"{cost.in_words()}\n([calculation](docs/benchmarks/README.md#cost-of-a-million-requests)).\n"


def commands() -> str:
    """Return the commands of `operate`."""
    rows = (
        (f"`operate {name}`", command.get_short_help_str(200), _options(command)) for name, command in _leaves(operate)
    )
    return _table(("command", "what it does", "options"), rows)


def reports() -> str:
    """Return what each command prints with --json."""
    return _table(("command", "JSON"), ((f"`{name}`", f"`{_shape_of(kind)}`") for name, kind in REPORTS.items()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _allowed(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if "MinValue" in parameter:
        return f"{parameter['MinValue']} to {parameter['MaxValue']}"
    longest = f"at most {parameter['MaxLength']} characters" if "MaxLength" in parameter else ""
    return str(parameter.get("ConstraintDescription", longest))


def _condition(alarm: dict[str, Any]) -> str:
    minutes = alarm["Period"] // 60 * alarm["EvaluationPeriods"]
    return f"`{alarm['MetricName']}`: {alarm['Statistic'].lower()} over {alarm['Threshold']:,}, within {minutes} min"


def _leaves(group: click.Group, *before: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, *before, name)
        else:
            yield " ".join((*before, name)), command


def _options(command: click.Command) -> str:
    names = (one.opts[0] for one in command.params if isinstance(one, click.Option))
    return ", ".join(f"`{name}`" for name in names if name != "--json")


def _shape_of(kind: object) -> str:
    """Return the JSON that a type becomes: `{name: text, count: number or null}`."""
    simple: dict[object, str] = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        types.NoneType: "null",
    }
    if kind in simple:
        return simple[kind]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return "{" + ", ".join(f"{one.name}: {_shape_of(hints[one.name])}" for one in dataclasses.fields(kind)) + "}"
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Literal:
            shape = " or ".join(f'"{value}"' for value in arguments)
        case typing.Union | types.UnionType:
            shape = " or ".join(map(_shape_of, arguments))
        case origin if origin is list:
            shape = f"[{_shape_of(arguments[0])}, …]"
        case origin if origin is dict:
            shape = f"{{…: {_shape_of(arguments[1])}}}"
        case _:
            shape = "anything"
    return shape
