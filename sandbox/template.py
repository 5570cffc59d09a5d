"""What CloudFormation gets to see: `template.yaml` after the SAM transform, on this machine.

Run as a program it writes the translation to `.aws-sam/translated.json`, where the scanners find it: many of their
checks fire only on plain CloudFormation.
"""

import json
import logging
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator import translator as sam

from sandbox import REPOSITORY

SOURCE = REPOSITORY / "template.yaml"
TRANSLATED = REPOSITORY / ".aws-sam" / "translated.json"

_policy_templates = cache(sam.make_policy_template_for_function_plugin)


def source_template() -> dict[str, Any]:
    """Return the template as it is written, its short intrinsics spelt out as dictionaries."""
    parsed: dict[str, Any] = json.loads(
        json.dumps(yaml_parse(SOURCE.read_text()))
    )  # plain ones: SAM copies them faster
    return parsed


def translated_template(source: Mapping[str, Any] | None = None, /, **parameters: str) -> dict[str, Any]:
    """Return the template, or another `source`, after the SAM transform with these parameters: plain CloudFormation."""
    template = deepcopy(source) if source else source_template()
    for resource in template["Resources"].values():  # local folders are uploads by the time CloudFormation sees them
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & properties.keys():
            properties[name] = "s3://artefacts/upload"
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of feature toggles that only AWS has
    translator = sam.Translator({}, Parser(), boto_session=_session())
    # Half of a translation is the check of SAM's policy templates against their schema: once is enough.
    with patch.object(sam, "make_policy_template_for_function_plugin", _policy_templates):
        translated: dict[str, Any] = translator.translate(template, parameters)
    return translated


@cache
def _session() -> boto3.Session:
    return boto3.Session(region_name="eu-west-1")


if __name__ == "__main__":
    TRANSLATED.parent.mkdir(exist_ok=True)
    TRANSLATED.write_text(json.dumps(translated_template(), indent=2))
