"""The template sets the environment variables that the settings read, no more and no fewer."""

from contextlib import suppress
from typing import Any

from personal_link.domain.errors import SettingsError
from personal_link.settings import load_queue_settings
from sandbox.template import source_template


def test_the_template_sets_what_the_settings_read() -> None:
    assert variables_set() == variables_read()


def variables_set() -> set[str]:
    template = source_template()
    found = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            found |= set(resource["Properties"].get("Environment", {}).get("Variables", {}))
    return found


def variables_read() -> set[str]:
    asked: set[str] = set()

    class Environment(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return default

    with suppress(SettingsError):
        load_queue_settings(Environment())
    return asked
