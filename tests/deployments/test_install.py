"""docs/install.md, word by word: the stack from nothing but a URL, with the AWS command line in an empty folder."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer import package
from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator
from sandbox.aws.sam import one_at_a_time
from sandbox.aws.stack import local_url, set_concurrency
from sandbox.customergauge.server import TOKEN_PATH, CustomerGaugeSandbox, Reply
from tests.deployments.shell import answering, needs_aws_cli, needs_curl, run, taken_results
from tests.docs.documents import DOCS, fenced, sections
from tests.stack.deployed import PolicyUser, create_stack, everything_in, grants_of, resources, wait_until

PAGE = sections((DOCS / "install.md").read_text())
CREATE, FILL_IN = fenced(PAGE["CloudFormation"], "sh")
[FIRST_LINKS] = fenced(PAGE["The first links"], "sh")
[OWN_MAPPINGS] = fenced(PAGE["Your own event mappings"], "sh")
[UPDATE] = fenced(PAGE["Update"], "sh")
[REMOVE] = fenced(PAGE["Remove"], "sh")
ENTRY = fenced((DOCS / "mapping.md").read_text(), "toml")[0]  # of "Visit Ended"
VISIT = fenced((DOCS / "mapping.md").read_text(), "json")[0]
OUTPUT = FILL_IN[: FILL_IN.index("}\n") + 2]  # the function of the shell that the later blocks call
URL = "https://my-releases.s3.eu-west-1.amazonaws.com/personal-link/…/template.yaml"
BUCKET = "releases"
EXPORT = "aws configure export-credentials --format env"  # version 1 of the AWS CLI does not have it

pytestmark = [
    needs_aws_cli,
    needs_curl,
    pytest.mark.skipif(not shutil.which("zip"), reason="zip is not installed"),
]


@pytest.fixture(scope="module")
def template_url(emulator: Emulator) -> str:
    """What `make package BUCKET=releases` prints last."""
    location = {"LocationConstraint": REGION}
    emulator.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    command = [sys.executable, "-m", "installer", "package", "--bucket", BUCKET]
    environment = emulator.environment()
    packed = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return packed.stdout.splitlines()[-1]


@dataclass
class Reader:
    """Whoever follows the page, with an AWS account, a CustomerGauge and an empty folder."""

    emulator: Emulator
    vendor: CustomerGaugeSandbox
    folder: Path
    template_url: str
    before: set[str]  # what the account had
    key: dict[str, str]  # access key of a user that docs/policies/install.json is for

    def follow(self, block: str) -> str:
        """Run a block of the page. Only what belongs to an account is another: URLs, and the sandbox's hosts."""
        hosts = [f"ParameterKey={name}BaseUrl,ParameterValue={self.vendor.base_url}" for name in ("Auth", "Imports")]
        contact = "ParameterKey=DefaultConfiguration,"
        block = block.replace(URL, self.template_url).replace(contact, f"{' '.join(hosts)} {contact}")
        if '"$(output PersonalLinkUrl)"' in block:
            block = block.replace(
                '"$(output PersonalLinkUrl)"', local_url(self.emulator.url, self.output("PersonalLinkUrl"))
            )
        block = block.replace(EXPORT, "echo export EXPORTED=yes")
        variables = {"AWS_REGION": REGION, "TEMPLATE_URL": self.template_url} | self.key
        return run(self.emulator, f"{OUTPUT}\n{block}", self.folder, **variables)

    def output(self, name: str) -> str:
        [stack] = self.emulator.client("cloudformation").describe_stacks(StackName="personal-link")["Stacks"]
        return next(str(one["OutputValue"]) for one in stack["Outputs"] if one["OutputKey"] == name)

    def send(self, *references: str) -> None:
        """Send a request with each reference, for another person each, and wait until each was tried."""
        sqs, url, tried = self.emulator.client("sqs"), self.output("RequestsQueueUrl"), self.tried()
        for name in references:
            body = {"reference": name, "record": {"Email": f"{name}@example.com"}}
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
        wait_until(lambda: len(self.tried() - tried) == len(references))

    def tried(self) -> set[str]:
        """Return the people for whom CustomerGauge was called."""
        return {json.loads(call.body)["record"]["Email"] for call in self.vendor.calls("personal-link")}

    def depth(self, queue: str) -> int:
        """Return the number of messages in a queue, also those that are hidden until their retry."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.output(f"{queue}QueueUrl")
        found = self.emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def results(self, count: int) -> dict[str, str]:
        return taken_results(self.emulator, self.output("ResultsQueueUrl"), count)


def key_of_a_user(emulator: Emulator) -> dict[str, str]:
    """Make a user who may do what docs/policies/install.json says. The emulator does not ask for what a stack holds."""
    names = {"STACK": "personal-link", "BUCKET": BUCKET}
    names |= {":secret:": ":secret:personal-link-"}  # AWS does not put the stack's name before a secret's
    user = PolicyUser(emulator, "reader", names)
    user.may(grants_of((DOCS / "policies" / "install.json").read_text()))
    return user.key


@pytest.fixture(scope="module")
def reader(
    emulator: Emulator, vendor: CustomerGaugeSandbox, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Reader:
    """The reader, with the stack and its credentials, as the page's first section leaves them."""
    folder, key = tmp_path_factory.mktemp("reader"), key_of_a_user(emulator)
    one = Reader(emulator, vendor, folder, template_url, everything_in(emulator), key)
    one.follow(CREATE)
    set_concurrency(emulator.client("lambda"), 5)  # the emulator keeps the template's number as text
    one.follow(answering(FILL_IN, json.dumps({"client_id": vendor.client_id, "client_secret": vendor.client_secret})))
    return one


@pytest.fixture(scope="module")
def reader_with_mappings(reader: Reader) -> Reader:
    """The same, with the entry of docs/mapping.md in a layer."""
    (reader.folder / "event_mappings.toml").write_text(ENTRY)
    (reader.folder / "visit.json").write_text(VISIT)
    reader.follow(OWN_MAPPINGS)
    set_concurrency(reader.emulator.client("lambda"), 5)
    return reader


def test_the_first_links_are_made_by_event_queue_and_http(reader: Reader) -> None:
    shown = reader.follow(FIRST_LINKS + "\necho exported: ${EXPORTED-nothing}")

    assert EXPORT in FIRST_LINKS
    assert "exported: nothing" in shown, "keys that stay would win over a profile that the reader chooses later"
    assert '"survey_link":' in shown
    assert r"\"status\":\"created\"" in shown, "the last line shows results"
    wait_until(lambda: reader.depth("Results") == 3)
    reader.emulator.client("sqs").purge_queue(QueueUrl=reader.output("ResultsQueueUrl"))
    emails = ["ida@example.com", "joe@example.com", "zoe@example.com"]
    assert sorted(str(link.record["Email"]) for link in reader.vendor.links) == emails


def test_with_a_layer_of_ones_own_an_event_of_ones_own_gets_a_link(reader_with_mappings: Reader) -> None:
    run(reader_with_mappings.emulator, "aws events put-events --entries file://visit.json", reader_with_mappings.folder)

    assert reader_with_mappings.results(1) == {"visit-812": "created"}
    assert reader_with_mappings.vendor.links[-1].record == {
        "Account Name": "Ida",
        "First Name": "Ida",
        "Email": "ida@example.com",
    }


def live_version(emulator: Emulator) -> str:
    """Return the published version of the queue worker that gets the messages."""
    worker = resources(emulator, "personal-link")["QueueWorkerFunction"]
    return str(emulator.client("lambda").get_alias(FunctionName=worker, Name="live")["FunctionVersion"])


def next_release(folder: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Upload a release that follows the installed one, and return its URL.

    It is the same but for a file in a layer: what an update exchanges, layers, versions and aliases, is exchanged.
    """
    with one_at_a_time():
        shutil.copytree(package.BUILD, folder / "build")
    (folder / "build" / "PersonalLinkLayer" / "python" / "release.txt").write_text("the next one")
    monkeypatch.setattr(package, "BUILD", folder / "build")
    prefix = package.write(folder / "release", BUCKET)
    return package.upload(folder / "release", BUCKET, prefix, emulator.client("s3"))


@pytest.mark.slow
def test_an_update_by_url_loses_no_message_that_is_in_a_queue(
    reader_with_mappings: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, emulator, vendor = reader_with_mappings, reader_with_mappings.emulator, reader_with_mappings.vendor
    before, links = live_version(emulator), len(vendor.links)
    url = next_release(tmp_path, emulator, monkeypatch)
    reader.send("settled")
    emulator.client("sqs").send_message(QueueUrl=reader.output("RequestsQueueUrl"), MessageBody="no request")
    wait_until(lambda: (reader.depth("Requests"), reader.depth("Results"), reader.depth("Parked")) == (0, 1, 1))
    vendor.misbehave = lambda call: None if call.path == TOKEN_PATH else Reply.error(503, retry_after=3)
    waiting = [f"waiting-{number}" for number in range(6)]  # too few to open the circuit
    reader.send(*waiting)

    reader.template_url = url
    reader.follow(UPDATE)
    set_concurrency(emulator.client("lambda"), 5)
    assert live_version(emulator) != before
    assert (reader.depth("Requests"), reader.depth("Results"), reader.depth("Parked")) == (6, 1, 1)
    vendor.misbehave = vendor.faults

    assert reader.results(7) == dict.fromkeys(["settled", *waiting], "created")
    assert len(vendor.links) == links + 7
    assert reader.depth("Parked") == 1
    run(emulator, "aws events put-events --entries file://visit.json", reader.folder)
    assert reader.results(1) == {"visit-812": "created"}, "the parameters stayed"


@pytest.mark.slow
def test_what_stays_after_its_removal_is_the_ledgers_table_and_what_the_stack_did_not_create(
    reader_with_mappings: Reader,
) -> None:
    reader = reader_with_mappings
    table = resources(reader.emulator, "personal-link")["LedgerTable"]
    assert len(everything_in(reader.emulator) - reader.before) > 30

    reader.follow(REMOVE)

    assert everything_in(reader.emulator) - reader.before == {f"table {table}", "layer personal-link-mappings"}
    assert "**The ledger's table**" in sections((DOCS / "operation.md").read_text())["Uninstall"]


def test_it_can_be_nested_in_another_stack(emulator: Emulator, template_url: str) -> None:
    outer = f"""
Resources:
  PersonalLink:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {template_url}
      Parameters: {{DefaultConfiguration: contact, EventDetailType: Nested}}
Outputs:
  Queue:
    Value: !GetAtt PersonalLink.Outputs.RequestsQueueUrl
"""
    queue = create_stack(emulator, "outer", outer, {})["Queue"]
    assert emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
