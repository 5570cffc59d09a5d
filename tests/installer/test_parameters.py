"""What `make deploy` makes of samconfig.toml and of the command line."""

from pathlib import Path

import click
import pytest

from installer.parameters import Target, assignments, problems, target
from sandbox.template import source_template

DECLARED = source_template()["Parameters"]
SOURCES = "empty, or names of A to Z, a to z, 0 to 9 and ._/-, separated by commas, without blanks"


def test_the_stack_name_and_parameters_are_read_from_the_environment_in_samconfig() -> None:
    assert target("staging") == Target(
        "personal-link-staging",
        {"EventDetailType": "Personal Link Requested (staging)", "LogLevel": "DEBUG", "LogRetentionDays": "7"},
    )


def test_a_samconfig_environment_without_parameters_gives_none() -> None:
    assert target("default") == Target("personal-link", {})


def test_an_unknown_environment_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(click.ClickException, match=r"no environment production; it has default, staging, prod[.]"):
        target("production")


def test_a_parameter_value_may_contain_an_equals_sign() -> None:
    assert assignments(["DefaultConfiguration=a=b"]) == {"DefaultConfiguration": "a=b"}


def test_a_parameter_without_a_value_is_refused_with_an_example() -> None:
    with pytest.raises(click.ClickException, match=r"'LogLevel' is not a parameter: write Name=value, as in LogLevel"):
        assignments(["LogLevel"])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LogLevl", "INFO", "There is no parameter LogLevl: did you mean LogLevel?"),
        ("Colour", "red", "There is no parameter Colour: docs/parameters.md lists them."),
        ("LogLevel", "LOUD", "LogLevel is 'LOUD': it must be one of DEBUG, INFO, WARNING, ERROR."),
        ("MaximumConcurrency", "1", "MaximumConcurrency is '1': it must be a whole number from 2 to 1000."),
        ("MaximumConcurrency", "ten", "MaximumConcurrency is 'ten': it must be a whole number from 2 to 1000."),
        ("AlarmEmail", "nobody", "AlarmEmail is 'nobody': it must be empty, or an e-mail address."),
        ("KnownHeadings", "x" * 257, f"KnownHeadings is '{'x' * 257}': it must be at most 256 characters long."),
        ("EventSources", "a,b c", f"EventSources is 'a,b c': it must be {SOURCES}."),
        ("EventSources", "a,,b", f"EventSources is 'a,,b': it must be {SOURCES}."),
        ("EventDetailType", "", "EventDetailType is '': it must be 1 to 128 characters each, separated by commas."),
    ],
)
def test_a_parameter_that_cloudformation_would_refuse_is_a_problem(name: str, value: str, problem: str) -> None:
    assert problems({name: value}, DECLARED) == [problem]


def test_every_default_of_the_template_passes_the_parameter_check() -> None:
    defaults = {name: str(declared["Default"]) for name, declared in DECLARED.items()}

    assert problems(defaults, DECLARED) == []


@pytest.mark.parametrize("environment", ["default", "staging", "prod"])
def test_every_environment_of_samconfig_passes_the_parameter_check(environment: str) -> None:
    assert problems(target(environment).parameters, DECLARED) == []


def test_quotes_in_samconfig_are_read_as_sam_reads_them(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        '[default.global.parameters]\nstack_name = "s"\n[default.deploy.parameters]\n'
        """parameter_overrides = ['KnownHeadings="Email,First Name"', "LogLevel=DEBUG"]\n"""
    )

    assert target("default", config).parameters == {"KnownHeadings": "Email,First Name", "LogLevel": "DEBUG"}
