"""The gate of `make scan`: every scanner finds what is planted, and a waiver covers what it names and no more."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.template import REPOSITORY, translated_template
from tests.scan import gate
from tests.scan.gate import complaints, files
from tests.scan.scanners import Finding, ScannerError, bandit, cfn_lint, checkov, detect_secrets
from tests.scan.waivers import Waiver, unneeded, unwaived, waivers


def planted(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The translated template with a change, as a file of the folder."""
    template = translated_template()
    change(template["Resources"])
    (folder / "template.json").write_text(json.dumps(template))
    return "template.json"


def left(found: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.check, finding.place) for finding in unwaived(found, waivers())}


OPEN_METHOD = {
    "Type": "AWS::ApiGateway::Method",
    "Properties": {
        "RestApiId": {"Ref": "PersonalLinkApi"},
        "ResourceId": {"Fn::GetAtt": ["PersonalLinkApi", "RootResourceId"]},
        "HttpMethod": "GET",
        "AuthorizationType": "NONE",
    },
}


def test_an_open_method_of_the_api_is_found(tmp_path: Path) -> None:
    template = planted(tmp_path, lambda resources: resources.update(OpenMethod=OPEN_METHOD))

    assert ("CKV_AWS_59", "OpenMethod") in left(checkov(tmp_path, template))


def test_a_requests_queue_without_dead_letters_is_found_though_the_results_queue_may_have_none(tmp_path: Path) -> None:
    template = planted(tmp_path, lambda resources: resources["RequestsQueue"]["Properties"].pop("RedrivePolicy"))

    found = left(cfn_lint(tmp_path, [template]))

    assert ("ES6000", "RequestsQueue") in found
    assert ("ES6000", "ResultsQueue") not in found


def test_a_property_that_cloudformation_does_not_know_is_found(tmp_path: Path) -> None:
    template = planted(tmp_path, lambda resources: resources["RequestsQueue"]["Properties"].update(Visibility=1))

    assert ("E3002", "RequestsQueue") in left(cfn_lint(tmp_path, [template]))


@pytest.mark.parametrize("level", ["low", "medium"])
def test_a_shell_that_runs_what_it_is_given_is_found(tmp_path: Path, level: str) -> None:
    (tmp_path / "planted.py").write_text("import subprocess\ndef run(line):\n    subprocess.run(line, shell=True)\n")

    assert ("B602", "planted.py") in left(bandit(tmp_path, ["planted.py"], level))


def test_what_bandit_calls_low_is_found_in_what_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text('password = "hunter2"\n')

    assert ("B105", "planted.py") in left(bandit(tmp_path, ["planted.py"], "low"))


KEY = "AKIA" + "Z7Q2M4X6R8T1W3Y5"
TOKEN = "kQ8xZ2pLr7Vb3N" + "wYt5Hs9aD"


@pytest.mark.parametrize(
    ("file", "line", "check"),
    [
        ("samconfig.toml", f"key = {KEY}", "AWS Access Key"),
        ("tests/unit/test_clock.py", f'KEY = "{KEY}"', "AWS Access Key"),
        ("tests/unit/test_clock.py", f'TOKEN = "{TOKEN}"', "Base64 High Entropy String"),
        ("sandbox/stack.py", 'client_secret = "hunter2"', "Secret Keyword"),
        ("template.yaml", "  ClientSecret: hunter2", "Secret Keyword"),
    ],
)
def test_a_secret_is_found(tmp_path: Path, file: str, line: str, check: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"{line}\n")

    assert (check, file) in left(detect_secrets(tmp_path, [file]))


def test_secrets_are_looked_for_in_every_file_of_the_repository() -> None:
    assert {".ci/run", "README.md", "template.yaml", "events/http_put.json", "tests/scan/test_gate.py"} <= set(files())


@pytest.mark.parametrize(
    "look",
    [
        lambda folder: checkov(folder, "broken.json"),
        lambda folder: bandit(folder, ["missing.py"], "low"),
        lambda folder: bandit(folder, ["broken.py"], "low"),
    ],
    ids=["broken template", "no code", "broken code"],
)
def test_a_scanner_that_cannot_read_does_not_pass_for_one_that_finds_nothing(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    (tmp_path / "broken.json").write_text('{"Resources": {')
    (tmp_path / "broken.py").write_text("def (:\n")

    with pytest.raises(ScannerError):
        look(tmp_path)


def test_a_template_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"Resources": {')

    assert [finding.check for finding in cfn_lint(tmp_path, ["broken.json"])] == ["E0000"]


def test_there_are_eight_waivers_at_most() -> None:
    assert len(waivers()) <= 8


@pytest.mark.parametrize("waiver", waivers(), ids=lambda waiver: "-".join(waiver.checks))
def test_a_waiver_says_why(waiver: Waiver) -> None:
    assert len(waiver.reason) > 60
    assert waiver.reason.endswith(".")


@pytest.mark.parametrize("waiver", waivers(), ids=lambda waiver: "-".join(waiver.checks))
def test_a_waiver_names_what_it_is_for(waiver: Waiver) -> None:
    assert waiver.checks
    assert waiver.on
    assert "*" not in waiver.on


def finding(check: str = "B602", place: str = "sandbox/stack.py", text: str = "run(line, shell=True)") -> Finding:
    return Finding(check, place, "A shell is started.", file="sandbox/stack.py", line=1, text=text)


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (finding(), True),
        (finding(check="B603"), False),
        (finding(place="functions/stack.py"), False),
        (finding(text="run(line)"), False),
    ],
    ids=["what it names", "another check", "another place", "another line"],
)
def test_a_waiver_covers_what_it_names_and_no_more(other: Finding, *, covered: bool) -> None:
    waiver = Waiver(["B602"], ["sandbox/*"], "It has to.", saying="shell=")

    assert unwaived([other], [waiver]) == ([] if covered else [other])


def test_a_waiver_that_is_not_needed_any_more_is_told_with_the_check_and_the_place() -> None:
    waiver = Waiver(["B602", "B605"], ["sandbox/*", "functions/*"], "It has to.")

    assert unneeded([finding()], [waiver]) == ["B605", "functions/*"]


def test_the_gate_is_open_when_all_that_is_found_is_waived() -> None:
    assert complaints([finding()], [Waiver(["B602"], ["sandbox/*"], "It has to.")]) == []


def test_the_gate_tells_what_is_not_waived_and_where_it_is_but_not_the_line_itself() -> None:
    assert complaints([finding()], []) == ["B602 sandbox/stack.py: A shell is started. (sandbox/stack.py:1)"]


def test_the_gate_tells_a_waiver_that_is_not_needed() -> None:
    told = complaints([], [Waiver(["B602"], ["sandbox/*"], "It has to.")])

    assert told == ["nothing needs the waiver of B602 any more", "nothing needs the waiver of sandbox/* any more"]


@pytest.mark.parametrize(
    ("found", "waived", "code"),
    [([], [], 0), ([finding()], [], 1), ([], [Waiver(["B602"], ["sandbox/*"], "It has to.")], 1)],
    ids=["nothing", "a finding", "a waiver that is not needed"],
)
def test_make_scan_fails_if_there_is_anything_to_tell(
    monkeypatch: pytest.MonkeyPatch, found: list[Finding], waived: list[Waiver], code: int
) -> None:
    monkeypatch.setattr(gate, "findings", lambda: found)
    monkeypatch.setattr(gate, "waivers", lambda: waived)

    assert gate.main() == code


HUSHED = re.compile(r"#\s*nose[c]|pragma: (allow|white)list|checkov:\s*ski[p]|cfn-lin[t]:")
CONFIGURATION = re.compile(r"(^|/)\.(cfnlintrc(\.ya?ml)?|checkov\.ya?ml|bandit|secrets\.baseline)$")


def test_there_is_no_waiver_but_in_the_list() -> None:
    hushed = [name for name in files() if HUSHED.search((REPOSITORY / name).read_text(errors="replace"))]
    configured = [name for name in files() if CONFIGURATION.search(name)]

    assert [*hushed, *configured] == []
