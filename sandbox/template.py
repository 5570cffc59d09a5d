"""What CloudFormation gets to see: `template.yaml` after the SAM transform, on this machine.

Run as a program it writes the translation to `.aws-sam/translated.json`, where the scanners find it: many of their
checks fire only on plain CloudFormation.
"""

import json
import logging
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "template.yaml"
TRANSLATED = REPOSITORY / ".aws-sam" / "translated.json"


def source_template() -> dict[str, Any]:
    """Return the template as it is written, its anchors and short intrinsics spelt out as dictionaries."""
    parsed: dict[str, Any] = yaml_parse(SOURCE.read_text())
    return parsed


def translated_template(source: Mapping[str, Any] | None = None, /, **parameters: str) -> dict[str, Any]:
    """Return the template, or another `source`, after the SAM transform with these parameters: plain CloudFormation."""
    template = deepcopy(source) if source else source_template()
    for resource in template["Resources"].values():  # local folders are uploads by the time CloudFormation sees them
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & properties.keys():
            properties[name] = "s3://artefacts/upload"
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of feature toggles that only AWS has
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
    translated: dict[str, Any] = translator.translate(template, parameters)
    return translated


if __name__ == "__main__":
    TRANSLATED.parent.mkdir(exist_ok=True)
    TRANSLATED.write_text(json.dumps(translated_template(), indent=2))
