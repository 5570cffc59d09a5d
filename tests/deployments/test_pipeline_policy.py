"""docs/policies/pipeline.json on an emulator: `sam deploy` needs all of it, and nothing else.

What CloudFormation does in the pipeline's name is held against AWS's lists in tests/docs/test_pipeline.py.
So a template with one queue is enough here.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator, running_emulator

POLICY = json.loads((REPOSITORY / "docs" / "policies" / "pipeline.json").read_text())
STACK = "personal-link-policy"
USER = "pipeline"
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{VisibilityTimeout: {}}}
"""


class Grant(NamedTuple):
    """One action on one resource."""

    sid: str
    action: str
    resource: str


GRANTS = [
    Grant(statement["Sid"], action, statement["Resource"])
    for statement in POLICY["Statement"]
    for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
]
# Not proven here, since the emulator does not ask: AWS does for the transform (CloudFormation user guide,
# control-access-with-iam), and CloudFormation reads template and code with the rights of whoever deploys.
NOT_ASKED = {("UseTheTransformOfSam", "cloudformation:CreateChangeSet"), ("UploadTheBuild", "s3:GetObject")}
ASKED = [one for one in GRANTS if (one.sid, one.action) not in NOT_ASKED]


class Pipeline:
    """An IAM user who may do what it is granted here, and deploys."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self._folder = folder
        self._iam = emulator.client("iam")
        self._account = emulator.client("sts").get_caller_identity()["Account"]
        self._iam.create_user(UserName=USER)
        key = self._iam.create_access_key(UserName=USER)["AccessKey"]
        self._root = emulator.environment() | {
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "__SAM_CLI_APP_DIR": str(folder),
        }
        self._own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        self._deployments = 0

    def may(self, grants: list[Grant]) -> None:
        text = json.dumps([{"Effect": "Allow", "Action": one.action, "Resource": one.resource} for one in grants])
        for place, value in {"REGION": REGION, "ACCOUNT": self._account, "STACK": STACK}.items():
            text = text.replace(place, value)
        document = json.dumps({"Version": "2012-10-17", "Statement": json.loads(text)})
        self._iam.put_user_policy(UserName=USER, PolicyName="deploy", PolicyDocument=document)

    def deploy(self, *, as_root: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy a template that is new each time; by the account's root SAM makes its bucket too."""
        self._deployments += 1
        (self._folder / "template.yaml").write_text(TEMPLATE.format(self._deployments))
        options = ["--stack-name", STACK, "--resolve-s3", "--no-confirm-changeset"]
        return subprocess.run(
            [str(Path(sys.executable).with_name("sam")), "deploy", "--template-file", "template.yaml", *options],
            cwd=self._folder,
            env=self._root | ({} if as_root else self._own),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_emulator() as emulator:
        made = Pipeline(emulator, tmp_path_factory.mktemp("pipeline"))
        first = made.deploy(as_root=True)
        assert first.returncode == 0, first.stderr
        yield made


def test_with_the_policy_the_pipeline_deploys(pipeline: Pipeline) -> None:
    pipeline.may(GRANTS)

    deployed = pipeline.deploy()

    assert deployed.returncode == 0, deployed.stderr
    assert "Successfully created/updated stack" in deployed.stdout


@pytest.mark.parametrize("grant", ASKED, ids=lambda grant: f"{grant.sid} {grant.action}")
def test_every_action_is_missed_when_it_is_taken_away(pipeline: Pipeline, grant: Grant) -> None:
    pipeline.may([one for one in GRANTS if one != grant])

    deployed = pipeline.deploy()

    assert deployed.returncode != 0
    # Without a look at its own stack SAM tries to make it.
    said = "create managed" if grant.sid == "FindSamsBucket" else grant.action
    assert re.search(f"not authorized to perform: {said}|Failed to {said}", deployed.stdout + deployed.stderr)
