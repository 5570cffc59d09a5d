"""Build the companion stack for files and deploy it beside the connector's on the emulator."""

import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sandbox import REPOSITORY
from sandbox.aws.emulator import BUILD, SandboxError, without_aws
from sandbox.aws.sam import one_at_a_time, run_sam
from sandbox.aws.stack import STACK_NAME, Stack

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

BULK_STACK = f"{STACK_NAME}-bulk"

_FOLDER = BUILD / "bulk"
_SECONDS_TO_BUILD = 300
_SECONDS_TO_DEPLOY = 120


@dataclass(frozen=True)
class Bulk:
    """The deployed companion stack, with clients with the account's root credentials."""

    bucket: str
    state_machine_arn: str
    s3: "S3Client"
    states: "SFNClient"
    functions: "LambdaClient"

    def put(self, name: str, content: bytes, **metadata: str) -> None:
        """Put a file into the bucket, which starts a run."""
        self.s3.put_object(Bucket=self.bucket, Key=f"in/{name}.csv", Body=content, Metadata=metadata)

    def read(self, key: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as failure:
            if failure.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def links(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a job's output."""
        return list(csv.DictReader(io.StringIO((self.read(f"out/{name}.links.csv") or b"").decode(), newline="")))

    def executions(self) -> list[str]:
        """Return the ARNs of all runs, the latest first."""
        listed = self.states.list_executions(stateMachineArn=self.state_machine_arn)["executions"]
        return [one["executionArn"] for one in sorted(listed, key=lambda one: one["startDate"], reverse=True)]

    def set_rate(self, rows_per_second: int) -> None:
        """Give the sender another `RowsPerSecond`."""
        [name] = [
            function["FunctionName"]
            for function in self.functions.list_functions()["Functions"]
            if function["FunctionName"].startswith(f"{BULK_STACK}-SendFunction")
        ]
        kept = self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**kept, "ROWS_PER_SECOND": str(rows_per_second)}
        self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def finish(self, count: int, within: float) -> str:
        """Wait until there are `count` runs and all have ended; return the status of the latest."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            listed = self.states.list_executions(stateMachineArn=self.state_machine_arn)["executions"]
            if len(listed) >= count and all(one["status"] != "RUNNING" for one in listed):
                return max(listed, key=lambda one: one["startDate"])["status"]
            time.sleep(0.5)
        raise SandboxError(f"the job did not end within {within:.0f} s")


def deploy_bulk(stack: Stack, **parameters: str) -> Bulk:
    """Build what has changed and deploy the companion stack of a connector's stack."""
    emulator = stack.emulator
    config = ["--config-file", str(REPOSITORY / "samconfig.toml")]  # else sam looks for it beside the template
    template = [*config, "--template-file", "bulk/template.yaml", "--build-dir", str(_FOLDER)]
    chosen = {"MainStack": STACK_NAME, **parameters}
    built = [*config, "--template-file", str(_FOLDER / "template.yaml"), "--stack-name", BULK_STACK]
    options = [*built, "--parameter-overrides", *(f'{name}="{value}"' for name, value in chosen.items())]
    with one_at_a_time():
        run_sam("build", emulator.process_group, without_aws(), _SECONDS_TO_BUILD, *template)
        run_sam("deploy", emulator.process_group, emulator.environment(), _SECONDS_TO_DEPLOY, *options)
    [description] = emulator.client("cloudformation").describe_stacks(StackName=BULK_STACK)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
    return Bulk(
        outputs["BucketName"],
        outputs["StateMachineArn"],
        emulator.client("s3"),
        emulator.client("stepfunctions"),
        emulator.client("lambda"),
    )


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return rows as a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
