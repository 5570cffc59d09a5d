"""README's lines for the shell, run as they stand: a stack is deployed, makes links by four ways, and is removed."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

from sandbox import REPOSITORY
from sandbox.aws.emulator import Emulator
from sandbox.aws.stack import local_url as on_the_emulator
from sandbox.aws.stack import set_concurrency
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.deployments.shell import answering, needs_aws_cli, needs_curl, run, taken_results
from tests.docs.documents import fenced

TRY, INTO_AND_OUT, DEPLOY, EVENT_AND_MESSAGE, HTTP, BULK, *_ = fenced((REPOSITORY / "README.md").read_text(), "sh")
INTO, OUT = (line for line in INTO_AND_OUT.splitlines() if line)

pytestmark = [needs_aws_cli, needs_curl]


def with_typing(block: str, vendor: CustomerGaugeSandbox) -> str:
    """Return the lines with what a person types: the credentials, and that the sandbox may get them."""
    credentials = json.dumps({"client_id": vendor.client_id, "client_secret": vendor.client_secret})
    typed = {"aws secretsmanager put-secret-value": credentials, "operate check": "y"}
    return "\n".join(
        next((answering(line, text) for start, text in typed.items() if line.startswith(start)), line)
        for line in block.splitlines()
    )


def test_the_lines_deploy_wire_and_remove_a_stack(
    emulator: Emulator, vendor: CustomerGaugeSandbox, tmp_path: Path
) -> None:
    shown = run(emulator, answering(INTO, "y"))
    assert "Create stack personal-link, account 000000000000, region eu-west-1." in shown

    # what no reader does: point the stack at the sandbox
    run(emulator, f'make deploy ARGS="--yes AuthBaseUrl={vendor.base_url} ImportsBaseUrl={vendor.base_url}"')
    set_concurrency(emulator.client("lambda"), 5)  # the emulator keeps the template's number as text
    found = emulator.client("cloudformation").describe_stacks(StackName="personal-link")["Stacks"][0]["Outputs"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found}
    url = on_the_emulator(emulator.url, outputs["PersonalLinkUrl"])
    answered = run(
        emulator,
        "\n".join((with_typing(DEPLOY, vendor), EVENT_AND_MESSAGE, f"PERSONAL_LINK_URL={url}", HTTP)),
    )

    assert '"survey_link":' in answered
    created = dict.fromkeys(["call-1003", "order-1002", "ticket-1001"], "created")
    assert taken_results(emulator, outputs["ResultsQueueUrl"], 3) == created

    links = tmp_path / "links.csv"
    run(emulator, "\n".join((DEPLOY.splitlines()[0], BULK.replace("links.csv", str(links)))))
    with links.open(newline="") as rows:
        statuses = Counter(row["status"] for row in csv.DictReader(rows))
    assert statuses == {"created": 5}

    run(emulator, f"printf 'y\\ny\\ny\\n' | {OUT.split('   #', maxsplit=1)[0].rstrip()}", AWS_REGION="eu-west-1")
    stacks = emulator.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert "personal-link" not in {one["StackName"] for one in stacks["StackSummaries"]}


def test_the_first_block_has_the_two_commands_that_a_newcomer_needs() -> None:
    assert re.findall(r"^make (\S+)", TRY, re.MULTILINE) == ["demo", "test"]
