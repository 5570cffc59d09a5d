"""The bill of materials lists what is shipped, no more and no less, in the words of CycloneDX."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sandbox import bill_of_materials
from sandbox.lock import LAYER, Package
from sandbox.template import REPOSITORY

BILL = bill_of_materials.bill_of_materials()


def bill() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(BILL)
    return read


def test_it_is_valid_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(BILL) is None


def test_it_is_about_the_connector() -> None:
    about = bill()["metadata"]["component"]

    assert (about["name"], about["type"]) == ("personal-link-connector", "application")
    assert about["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_it_lists_exactly_the_layers_lock_versions_and_hashes_included() -> None:
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)((?:\s+\\?\s*--hash=\S+)+)", LAYER.read_text(), re.MULTILINE)
    lock = {(name, version): set(re.findall(r"[0-9a-f]{64}", hashes)) for name, version, hashes in pins}

    listed = {
        (one["name"], one["version"]): {hashed["content"] for hashed in one["hashes"]} for one in bill()["components"]
    }

    assert listed == lock
    assert [one["purl"] for one in bill()["components"]] == [f"pkg:pypi/{name}@{version}" for name, version in lock]


def test_every_package_says_its_licence() -> None:
    licences = {one["name"]: one["licenses"][0]["license"]["id"] for one in bill()["components"]}

    assert licences == {
        "aws-lambda-powertools": "MIT",
        "jmespath": "MIT",
        "typing-extensions": "PSF-2.0",
        "urllib3": "MIT",
    }


def test_it_says_what_needs_what() -> None:
    needs = {one["ref"].partition("@")[0]: one.get("dependsOn", []) for one in bill()["dependencies"]}

    assert [name.partition("@")[0] for name in needs["personal-link-connector"]] == [
        "pkg:pypi/aws-lambda-powertools",
        "pkg:pypi/urllib3",
    ]
    assert [name.partition("@")[0] for name in needs["pkg:pypi/aws-lambda-powertools"]] == [
        "pkg:pypi/jmespath",
        "pkg:pypi/typing-extensions",
    ]


def test_it_is_the_same_whenever_it_is_made() -> None:
    code = "from sandbox.bill_of_materials import bill_of_materials as make; print(make(), end='')"

    again = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=True, text=True)

    assert again.stdout == BILL


def test_it_names_no_host_but_the_schemas_and_no_path() -> None:
    assert re.findall(r"\w+://[^/\"]+", BILL) == ["http://cyclonedx.org"]
    assert str(REPOSITORY) not in BILL
    assert str(Path.home()) not in BILL


def test_it_is_not_made_of_other_versions_than_the_shipped_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Package("urllib3", "1.0", (64 * "0",))
    monkeypatch.setattr(bill_of_materials, "layer_packages", lambda: [other])

    with pytest.raises(SystemExit, match=r"urllib3: 1\.0 is shipped"):
        bill_of_materials.bill_of_materials()
