"""docs/policies/pipeline.json on an emulator: `sam deploy` needs all of it, and nothing else.

What CloudFormation does in the pipeline's name is held against AWS's lists in tests/docs/test_pipeline.py.
So a template with one queue is enough here.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import Emulator
from tests.stack.deployed import Grant, PolicyUser, grants_of

GRANTS = grants_of((REPOSITORY / "docs" / "policies" / "pipeline.json").read_text())
STACK = "personal-link-policy"
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{VisibilityTimeout: {}}}
"""


# Not proven here, since the emulator does not ask: AWS does for the transform (CloudFormation user guide,
# control-access-with-iam), and CloudFormation reads template and code with the rights of whoever deploys.
NOT_ASKED = {("UseTheTransformOfSam", "cloudformation:CreateChangeSet"), ("UploadTheBuild", "s3:GetObject")}
ASKED = [one for one in GRANTS if (one.sid, one.action) not in NOT_ASKED]


class Pipeline:
    """An IAM user who may do what it is granted here, and deploys."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self._folder = folder
        self._user = PolicyUser(emulator, "pipeline", {"STACK": STACK})
        self.may = self._user.may
        self._root = emulator.environment() | {
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "__SAM_CLI_APP_DIR": str(folder),
        }
        self._deployments = 0

    def deploy(self, *, as_root: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy a template that is new each time; by the account's root SAM makes its bucket too."""
        self._deployments += 1
        (self._folder / "template.yaml").write_text(TEMPLATE.format(self._deployments))
        options = ["--stack-name", STACK, "--resolve-s3", "--no-confirm-changeset"]
        return subprocess.run(
            [str(Path(sys.executable).with_name("sam")), "deploy", "--template-file", "template.yaml", *options],
            cwd=self._folder,
            env=self._root | ({} if as_root else self._user.key),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@pytest.fixture(scope="module")
def pipeline(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    made = Pipeline(emulator, tmp_path_factory.mktemp("pipeline"))
    first = made.deploy(as_root=True)
    assert first.returncode == 0, first.stderr
    return made


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
