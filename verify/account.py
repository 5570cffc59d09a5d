"""The throw-away stacks in an account: create, change and delete them, and list what is left."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import click
from botocore.exceptions import ClientError

from installer import package
from operate.stack import Account, Stack
from operate.terminal.failures import denied_action
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.stack import set_concurrency

PREFIX: Final = "personal-link-verify-"
VENDOR, KEY = "-vendor", "-key"  # after the stack's name
CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
OF_THE_STAND_IN: Final = (
    "sandbox/__init__.py",
    *(f"sandbox/customergauge/{name}.py" for name in ("__init__", "call", "replies", "rules")),
    *(f"verify/{name}.py" for name in ("__init__", "standin/__init__", "standin/standin")),
)
# Where something of the stack may be left: service, operation, list in its answer, and the field with the name.
PLACES: Final = (
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("events", "list_rules", "Rules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("apigateway", "get_rest_apis", "items", "name"),
)


@dataclass(frozen=True)
class Site:
    """A throw-away copy of the stack, with what stands beside it."""

    account: Account
    name: str

    @property
    def is_emulated(self) -> bool:
        """Tell whether the account is the emulator's."""
        return urlsplit(self.account.endpoint_url or "").hostname in {"127.0.0.1", "localhost"}

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        return 0.5 if self.is_emulated else 5.0

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        return self.account.client(service)

    def upload(self) -> str:
        """Make the bucket, upload what `make package` builds and the stand-in, and return the template's URL."""
        s3 = self.account.session.client("s3", config=package.REGIONAL)
        region = str(self.account.session.region_name)
        place: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=self.name, **place)
        with TemporaryDirectory() as scratch:
            code = Path(scratch) / "standin"
            for name in OF_THE_STAND_IN:
                (code / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, code / name)
            s3.put_object(Bucket=self.name, Key="standin.zip", Body=package.zipped(code))
            release = Path(scratch) / "release"
            return package.upload(release, self.name, package.write(release, self.name), s3)

    def create(self, part: str, parameters: Mapping[str, str], **template: str) -> dict[str, str]:
        """Create a stack from TemplateURL or TemplateBody, and return its outputs. Raises ClickException."""
        self.client("cloudformation").create_stack(
            StackName=self.name + part,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=CAPABILITIES,
            OnFailure="DO_NOTHING",
            Tags=[{"Key": "personal-link-verify", "Value": self.name}],
            **template,
        )
        if self.settled(part) != "CREATE_COMPLETE":
            raise click.ClickException(f"{self.name + part} was not created: {self.why_failed(part)}")
        return dict(self.account.stack(self.name + part).outputs)

    def begin_update(self, url: str, before: Mapping[str, str], changes: Mapping[str, str]) -> None:
        """Begin to change parameters of the stack, and nothing else, as docs/install.md says."""
        kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in before if key not in changes]
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in changes.items()]
        self.client("cloudformation").update_stack(
            StackName=self.name, TemplateURL=url, Parameters=kept + given, Capabilities=CAPABILITIES
        )

    def settled(self, part: str = "") -> str:
        """Wait until a stack changes no more, and return its status."""
        while (status := self.status(part)).endswith("_IN_PROGRESS"):
            time.sleep(self.every)
        return status

    def found(self) -> Stack:
        """Return the copy as it is deployed."""
        stack = self.account.stack(self.name)
        if self.is_emulated:
            set_concurrency(self.client("lambda"), int(stack.parameters["MaximumConcurrency"]))
        return stack

    def status(self, part: str = "") -> str:
        """Return a stack's status; DELETE_COMPLETE if there is none."""
        try:
            [found] = self.client("cloudformation").describe_stacks(StackName=self.name + part)["Stacks"]
        except ClientError as failure:
            if aws_error_code(failure) != "ValidationError":
                raise
            return "DELETE_COMPLETE"
        return str(found["StackStatus"])

    def why_failed(self, part: str = "") -> str:
        """Return the first reason why a stack failed, for the terminal alone: it may hold names of the account."""
        events = self.client("cloudformation").describe_stack_events(StackName=self.name + part)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
        reasons = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '')}" for one in failed]
        return reasons[-1] if reasons else self.status(part)

    def delete(self) -> None:
        """Delete everything. It may be called again. What cannot be deleted is in `left`."""
        for part in ("", VENDOR):
            self._delete_stack(part)
        if key := self._key():
            self.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self._delete_stack(KEY)
        for name in self._named("dynamodb", "list_tables", "TableNames", ""):
            self.client("dynamodb").delete_table(TableName=name)
        for name in self._named("logs", "describe_log_groups", "logGroups", "logGroupName"):
            self.client("logs").delete_log_group(logGroupName=name)  # a function that still ran may have made it again
        for name in self._named("secretsmanager", "list_secrets", "SecretList", "Name"):
            self.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        for name in self._named("s3", "list_buckets", "Buckets", "Name"):
            self._delete_bucket(name)

    def left(self, within: float) -> list[str]:
        """Return what is left after some seconds, by kind and name; AWS lists some things a while longer."""
        ends = time.monotonic() + within
        while (found := list(self._left())) and time.monotonic() < ends:
            time.sleep(self.every)
        return found

    def _left(self) -> Iterator[str]:
        for place in PLACES:
            try:
                yield from (f"{place[0]}: {name}" for name in self._named(*place))
            except ClientError as failure:
                if not (action := denied_action(failure)):
                    raise
                yield f"{place[0]}: not seen, because you are not allowed {action}"

    def _named(self, service: str, operation: str, items: str, field: str) -> list[str]:
        """Return the names in an account that hold the stack's."""
        client = self.client(service)
        planned = {"IncludePlannedDeletion": True} if operation == "list_secrets" else {}
        paged = client.can_paginate(operation)
        pages = client.get_paginator(operation).paginate(**planned) if paged else [getattr(client, operation)()]
        found = [one for page in pages for one in page.get(items, []) if self.name in str(one)]  # a secret: in its tags
        return [str(one[field] if field else one) for one in found]

    def _key(self) -> str | None:
        if self.status(KEY) == "DELETE_COMPLETE":
            return None
        return self.account.stack(self.name + KEY).outputs.get("KmsKeyArn")

    def _delete_stack(self, part: str) -> None:
        cloudformation = self.client("cloudformation")
        if self.status(part) == "UPDATE_IN_PROGRESS":
            with suppress(ClientError):  # it has ended meanwhile
                cloudformation.cancel_update_stack(StackName=self.name + part)
        if self.settled(part) != "DELETE_COMPLETE":
            cloudformation.delete_stack(StackName=self.name + part)
            self.settled(part)

    def _delete_bucket(self, name: str) -> None:
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for one in page.get("Contents", []):
                s3.delete_object(Bucket=name, Key=one["Key"])
        s3.delete_bucket(Bucket=name)
