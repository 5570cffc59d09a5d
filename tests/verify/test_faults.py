"""Each check that the emulator can run finds the fault that is planted for it, in the template or in what is deployed.

Three deployments: faults that would hide each other are apart.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from installer import package
from sandbox.template import SOURCE
from verify.__main__ import verify
from verify.checks import CHECKS

pytestmark = [pytest.mark.full]

Edit = tuple[str, str]  # a pattern of the template, and what takes its place
Run = Callable[..., dict[str, tuple[str, str]]]

NO_NEW_VERSION: list[Edit] = [
    (r"AutoPublishAliasAllProperties: true", "AutoPublishAliasAllProperties: false"),
    (r"      VersionDescription: !Join .*\n(?:        .*\n)+", ""),
    (r"Description: !Join\n(?:        .*\n)+", "Description: of all parameters\n"),
    (r"Description: !Ref KnownHeadings", "Description: of no parameter"),
]
FAULTS: list[Edit] = [
    *NO_NEW_VERSION,
    (r", sqs:ChangeMessageVisibility\]", "]"),
    (r"      DeadLetterQueue: .*\n", ""),
    (r"security: \[.*\]", "security: []"),
    (r"RetentionInDays: !Ref LogRetentionDays", "RetentionInDays: 30"),
    (r"detail-type: !Ref EventDetailType", "detail-type: [Personal Link Verification]"),
    (r"        source: !If .*\n", ""),
    (r"ThrottlingRateLimit: !Ref HttpRateLimit", "ThrottlingRateLimit: 20"),
    (r"ThrottlingBurstLimit: !Ref HttpBurstLimit", "ThrottlingBurstLimit: 40"),
    (r'"aws:SourceArn": !Ref SenderArns', '"aws:SourceArn": !GetAtt RequestsQueue.Arn'),
    (r"Policy: !If\n        - HasAllowedIpRanges", "Policy: !If\n        - UseCanary"),
    (r"(  RequestsQueue:\n(?:    .*\n)+?)      KmsMasterKeyId: .*\n", r"\1"),
]
LOGS_ITS_EVENT = """
sound = handler


def handler(event, context):
    print(event)
    return sound(event, context)
"""
IS_LIVE = "The parameter {}, changed alone, is live."
FOUND = {
    "A request is retried after the time that CustomerGauge asks for.": "no result came",
    "What Lambda parks of a direct invocation can be redriven.": "it was not parked",
    "A call without a signature is refused.": "PUT was answered",
    "A call with a wrong signature is refused.": "PUT was answered",
    "A call of a role without permission is refused.": "PUT was answered",
    IS_LIVE.format("LogLevel"): "live is INFO, not",
    IS_LIVE.format("DefaultConfiguration"): "live is nothing, not",
    IS_LIVE.format("LedgerDays"): "live is 21, not",
    IS_LIVE.format("CustomerGaugeRegion"): "live is eu, not",
    IS_LIVE.format("ShareAccessToken"): "live is true, not",
    IS_LIVE.format("RetryWindowHours"): "live is 24, not",
    IS_LIVE.format("BatchConcurrency"): "live is 10, not",
    IS_LIVE.format("VendorCallsPerSecond"): "live is 0, not",
    IS_LIVE.format("MaximumConcurrency"): "live is 2, 3, not",
    IS_LIVE.format("EchoRecord"): "live is true, not",
    IS_LIVE.format("KnownHeadings"): "live is nothing, not",
    IS_LIVE.format("Tracing"): "live is PassThrough, not",
    IS_LIVE.format("LogRetentionDays"): "live is 30, not",
    IS_LIVE.format("EventDetailType"): "live is Personal Link Verification, not",
    IS_LIVE.format("EventSources"): "live is nothing, not",
    IS_LIVE.format("HttpRateLimit"): "live is 20, not",
    IS_LIVE.format("HttpBurstLimit"): "live is 40, not",
    "A topic named in SenderArns may send requests.": "no result came",
    "With AllowedIpRanges a caller elsewhere is refused, and without it let in again.": "a call was not answered 403",
    "With HttpAuth=API_KEY the key alone lets callers in.": "a call was not answered 403",
    "With a customer's key every trigger gives a link, and data is encrypted with it.": "another key: RequestsQueue",
    "The runtime's AWS SDK loads with the layers' urllib3.": "from the layers come aws_lambda_powertools",
    "The layers' bytecode is used as it is.": "modules have none that fits, such as personal_link",
    "No log shows a record, a link, the token or the secret.": "QueueWorkerLogGroup shows an e-mail, a name",
}
TRIGGERS: list[Edit] = [
    (r"            post:\n", "            patch:\n"),
    (r"Method: post", "Method: patch"),
    (r'("aws:SourceArn": !GetAtt )PersonalLinkRequestedRule(?=(?:.*\n)+?  ParkedQueue:)', r"\1ResultsQueue"),
    (r", !Ref DirectInvocationRole\]", "]"),
]
OF_TRIGGERS = {
    "An HTTP call gives a link, by PUT with JSON and by POST with a form.": "POST was answered 403",
    "An event on the bus gives a link.": "no result came",
    "A direct invocation returns the result that is queued.": "the function failed",
}
INTAKE: list[Edit] = [(r"      Events:\n        Requests:\n(?:          .*\n)+", "")]
OF_THE_INTAKE = {
    "A message on the requests queue gives a link.": "no result came",
    "Nothing needs a person after that.": "The event source mapping is missing",
}


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a template with faults; return each check's result and what it saw."""

    def run_it(faults: list[Edit], only: str) -> dict[str, tuple[str, str]]:
        text = SOURCE.read_text()
        for pattern, instead in faults:
            text, count = re.subn(pattern, instead, text)
            assert count, f"the template has no {pattern}"
        (here / "faulty.yaml").write_text(text)
        monkeypatch.setattr(package, "SOURCE", here / "faulty.yaml")
        ended = CliRunner().invoke(verify, ["--yes", "--only", only])
        assert "Nothing is left." in ended.output, ended.output
        assert ended.exit_code == 1
        rows = json.loads((here / "verify-aws.json").read_text())["rows"]
        return {row["check"]: (row["result"], row["seen"]) for row in rows}

    return run_it


def faulty_build(scratch: Path) -> Callable[[Path], bytes]:
    """Return what zips a folder of the build with faults: no urllib3, no bytecode, and a worker that logs its event."""
    sound = package.zipped

    def zipped(folder: Path) -> bytes:
        copy = scratch / folder.name
        ignored = {"DependenciesLayer": ["urllib3"], "PersonalLinkLayer": ["__pycache__"]}.get(folder.name, [])
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*ignored))
        worker = copy / "queue_worker.py"
        if worker.exists():
            worker.write_text(worker.read_text() + LOGS_ITS_EVENT)
        return sound(copy)

    return zipped


def assert_found(rows: dict[str, tuple[str, str]], expected: dict[str, str]) -> None:
    missed = {
        name: rows[name]
        for name, telling in expected.items()
        if rows[name][0] != "failed" or telling not in rows[name][1]
    }
    assert missed == {}


def test_every_check_that_the_emulator_can_run_has_a_fault() -> None:
    can_run = {one.name for one in CHECKS if not one.needs_aws}

    assert {*FOUND, *OF_TRIGGERS, *OF_THE_INTAKE} == can_run
    assert len(FOUND) + len(OF_TRIGGERS) + len(OF_THE_INTAKE) == len(can_run)


def test_a_fault_of_a_guard_a_parameter_a_library_or_a_log_is_found(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "zipped", faulty_build(here / "faulty"))

    assert_found(run(FAULTS, "retries,gateway,parameters,encryption,runtime,secrecy"), FOUND)


def test_a_fault_of_a_trigger_is_found(run: Run) -> None:
    assert_found(run(TRIGGERS, "an http call,an event,direct invocation returns"), OF_TRIGGERS)


def test_a_queue_that_nothing_reads_is_found(run: Run) -> None:
    assert_found(run(INTAKE, "a message on,nothing needs"), OF_THE_INTAKE)
