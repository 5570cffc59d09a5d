"""Every planted weakness is found, and a waiver covers exactly what it names."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.template import translated_template
from tests.scan import gate
from tests.scan.gate import Finding, ScannerError, Waiver, cfn_lint, checkov, complaints, waivers


def planted(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The translated template with a change, as a file of the folder."""
    template = translated_template()
    change(template["Resources"])
    (folder / "template.json").write_text(json.dumps(template))
    return "template.json"


def told_of(found: list[Finding]) -> set[str]:
    return {complaint.partition(":")[0] for complaint in complaints(found, waivers())}


def test_checkov_finds_an_api_method_without_authorization(tmp_path: Path) -> None:
    open_method = {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "PersonalLinkApi"},
            "ResourceId": {"Fn::GetAtt": ["PersonalLinkApi", "RootResourceId"]},
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
        },
    }
    template = planted(tmp_path, lambda resources: resources.update(OpenMethod=open_method))

    assert "CKV_AWS_59 OpenMethod" in told_of(checkov(tmp_path, template))


def test_cfn_lint_finds_a_queue_without_dead_letter_queue_and_an_unknown_property(tmp_path: Path) -> None:
    def edit(resources: dict[str, Any]) -> None:
        resources["RequestsQueue"]["Properties"] = {"Visibility": 1}

    told = told_of(cfn_lint(tmp_path, [planted(tmp_path, edit)]))

    assert {"ES6000 RequestsQueue", "E3002 RequestsQueue"} <= told
    assert "ES6000 ResultsQueue" not in told  # which is waived


SECRET = re.compile(r"AKIA(?!UNKNOWN)[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.")


def test_no_file_of_the_repository_holds_a_secret() -> None:
    body = 12 * "a"
    for secret in ("AKIA" + "Z7Q2M4X6R8T1W3Y5", "-----BEGIN " + "RSA PRIVATE KEY-----", f"eyJ{body}.eyJ{body}."):
        assert SECRET.search(f"key = {secret}")
    assert {".ci/run", "README.md", "template.yaml", "tests/scan/test_gate.py"} <= set(files())
    assert [name for name in files() if SECRET.search((REPOSITORY / name).read_text(errors="replace"))] == []


def test_an_unreadable_template_is_a_finding_or_an_error_and_never_passes(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"Resources": {')

    assert [finding.check for finding in cfn_lint(tmp_path, ["broken.json"])] == ["E0000"]
    with pytest.raises(ScannerError):
        checkov(tmp_path, "broken.json")


def test_there_are_at_most_eight_waivers_each_with_a_reason_and_named_resources() -> None:
    assert len(waivers()) <= 8
    for waiver in waivers():
        assert len(waiver.reason) > 60
        assert waiver.checks
        assert waiver.on


FINDING = Finding("CKV_AWS_28", "LedgerTable", "No backup.", file="template.json", line=1)
SAID = "CKV_AWS_28 LedgerTable: No backup. (template.json:1)"


@pytest.mark.parametrize(
    ("found", "checks", "on", "told", "unneeded"),
    [
        ([FINDING], ["CKV_AWS_28"], ["LedgerTable"], [], []),
        ([FINDING], ["CKV_AWS_27"], ["LedgerTable"], [SAID], ["CKV_AWS_27", "LedgerTable"]),
        ([FINDING], ["CKV_AWS_28"], ["OtherTable"], [SAID], ["CKV_AWS_28", "OtherTable"]),
        ([], ["CKV_AWS_28"], ["LedgerTable"], [], ["CKV_AWS_28", "LedgerTable"]),
    ],
    ids=["waived", "waiver of another check", "waiver of another resource", "unneeded waiver"],
)
def test_make_scan_prints_every_finding_without_waiver_and_fails_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
    found: list[Finding],
    checks: list[str],
    on: list[str],
    told: list[str],
    unneeded: list[str],
) -> None:
    told = told + [f"nothing needs the waiver of {name} any more" for name in unneeded]
    waived = [Waiver(checks, on, "It has to.")]
    monkeypatch.setattr(gate, "findings", lambda: found)
    monkeypatch.setattr(gate, "waivers", lambda: waived)

    assert complaints(found, waived) == told
    assert gate.main() == (1 if told else 0)


HUSHED = re.compile(r"checkov:\s*ski[p]|cfn-lin[t]:")
CONFIGURATION = re.compile(r"(^|/)\.(cfnlintrc(\.ya?ml)?|checkov\.ya?ml)$")


def files() -> list[str]:
    """The files that are in the repository, or will be with the next commit."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    return [name for name in names.split("\0") if (REPOSITORY / name).is_file()]


def test_no_file_waives_a_finding_outside_the_list_of_waivers() -> None:
    hushed = [name for name in files() if HUSHED.search((REPOSITORY / name).read_text(errors="replace"))]
    configured = [name for name in files() if CONFIGURATION.search(name)]

    assert [*hushed, *configured] == []
