"""What will be deployed: the parameters of samconfig.toml and of the command line, checked against the template."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from sandbox import REPOSITORY
from sandbox.aws.stack import STACK_NAME

SAMCONFIG: Final = REPOSITORY / "samconfig.toml"


@dataclass(frozen=True)
class Target:
    """A stack's name and the parameters that samconfig.toml gives it."""

    stack: str
    parameters: Mapping[str, str]


def target(environment: str, path: Path = SAMCONFIG) -> Target:
    """Return an environment of samconfig.toml, for example `default` or `prod`. Raises ClickException."""
    config = {name: one for name, one in tomllib.loads(path.read_text()).items() if _is_of_this_template(one)}
    if environment not in config:
        raise click.ClickException(f"samconfig.toml has no environment {environment}; it has {', '.join(config)}.")
    settings = config[environment]
    overrides = settings.get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    words = [word for one in overrides for word in shlex.split(one)]  # SAM's own quotes
    return Target(settings["global"]["parameters"]["stack_name"], assignments(words))


def _is_of_this_template(environment: Any) -> bool:
    """Tell whether a part of samconfig.toml is for an account: neither the bulk stack's nor the emulator's."""
    is_whole = isinstance(environment, dict) and "template_file" not in environment["deploy"]["parameters"]
    return is_whole and environment["global"]["parameters"]["stack_name"] != STACK_NAME


def assignments(words: Iterable[str]) -> dict[str, str]:
    """Return `Name=value` words as a dictionary. Raises ClickException for any other word."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.ClickException(
                f"{word!r} is not a parameter: write Name=value, as in LogLevel=DEBUG; "
                "a value with a blank needs quotes, ARGS=\"'KnownHeadings=Email,First Name'\"."
            )
        if name in found:
            raise click.ClickException(f"{name} is given twice.")
        found[name] = value
    return found


def problems(given: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each parameter that CloudFormation would refuse."""
    found = []
    for name, value in given.items():
        if name not in declared:
            near = get_close_matches(name, declared, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "docs/parameters.md lists them."
            found.append(f"There is no parameter {name}: {hint}")
        elif expected := _refusal(value, declared[name]):
            found.append(f"{name} is {value!r}: it must be {expected}.")
    return found


def _refusal(value: str, declared: Mapping[str, Any]) -> str | None:
    """Return what a value must be, or None if CloudFormation takes it."""
    allowed = [str(one) for one in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"one of {', '.join(allowed)}"
    if declared["Type"] == "Number" and not allowed:
        low, high = declared["MinValue"], declared["MaxValue"]
        if not re.fullmatch("[0-9]{1,12}", value) or not low <= int(value) <= high:
            return f"a whole number from {low} to {high}"
    if len(value) > declared.get("MaxLength", len(value)):
        return f"at most {declared['MaxLength']} characters long"
    items = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    pattern = declared.get("AllowedPattern", ".*")
    if not all(re.fullmatch(pattern, item) for item in items) or ("" in items and len(items) > 1):
        return str(declared.get("ConstraintDescription", f"text that matches {pattern}"))
    return None
