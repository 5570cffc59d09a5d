"""The throw-away stacks in an account: create, change and delete them, and list what is left."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import click
from botocore.exceptions import BotoCoreError, ClientError

from installer import package
from operate.stack import Account, Stack
from operate.terminal.failures import denied_action
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.stack import set_concurrency
from verify import leftovers

PREFIX: Final = "personal-link-verify-"
VENDOR, KEY = "-vendor", "-key"  # after the stack's name
CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
OF_THE_STAND_IN: Final = (
    "sandbox/__init__.py",
    *(f"sandbox/customergauge/{name}.py" for name in ("__init__", "call", "replies", "rules")),
    *(f"verify/{name}.py" for name in ("__init__", "standin")),
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
            Tags=[{"Key": leftovers.TAG, "Value": self.name}],
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
        """Return why the last change failed first, for the terminal alone: it may hold names of the account."""
        paginator = self.client("cloudformation").get_paginator("describe_stack_events")
        pages = paginator.paginate(StackName=self.name + part)
        events = (event for page in pages for event in page["StackEvents"])  # newest first
        last = takewhile(lambda event: event.get("ResourceStatusReason") != "User Initiated", events)
        failed = (event for event in last if event["ResourceStatus"].endswith("_FAILED"))
        reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]
        return reasons[-1] if reasons else self.status(part)

    def delete(self) -> list[str]:
        """Delete everything, and return each failure, for the terminal alone. It may be called again."""
        failed = list[str]()
        for part in ("", VENDOR):
            with _noted(failed, self.name + part):
                self._delete_stack(part)
        with _noted(failed, self.name + KEY):
            self._delete_key()
        for place in leftovers.DELETED:
            client, names = self.client(place.service), list[str]()
            with _noted(failed, place.service):
                names = place.names(client, self.name)
            for name in names:
                with _noted(failed, name):
                    leftovers.delete(client, place.service, name)
        return failed

    def left(self, within: float) -> list[str]:
        """Return what is left after some seconds, by kind and name; AWS lists some things a while longer."""
        ends = time.monotonic() + within
        while (found := list(self._left())) and time.monotonic() < ends:
            time.sleep(self.every)
        return found

    def _left(self) -> Iterator[str]:
        looks: list[tuple[str, Callable[[], list[str]]]] = [("kms", self._keys)]
        looks += [
            (place.service, partial(place.names, self.client(place.service), self.name)) for place in leftovers.PLACES
        ]
        for service, look in looks:
            try:
                yield from (f"{service}: {name}" for name in look())
            except (ClientError, BotoCoreError) as failure:
                action = denied_action(failure)
                why = f"you are not allowed {action}" if action else aws_error_code(failure)
                yield f"{service}: not seen, because {why}"

    def _keys(self) -> list[str]:
        """Return the keys that AWS will not delete. A stack that is unfinished has resources, but no outputs."""
        if self.status(KEY) == "DELETE_COMPLETE":
            return []
        return [
            key for key in self.account.stack(self.name + KEY).of_type("AWS::KMS::Key").values() if self._stays(key)
        ]

    def _stays(self, key: str) -> bool:
        try:
            described = self.client("kms").describe_key(KeyId=key)
        except ClientError as failure:
            if aws_error_code(failure) != "NotFoundException":
                raise
            return False
        return str(described["KeyMetadata"]["KeyState"]) != "PendingDeletion"

    def _delete_key(self) -> None:
        """Schedule the key's deletion, and only then delete its stack, without which nothing finds the key again."""
        self.settled(KEY)
        for key in self._keys():
            self.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self._delete_stack(KEY)

    def _delete_stack(self, part: str) -> None:
        cloudformation = self.client("cloudformation")
        if self.status(part) == "UPDATE_IN_PROGRESS":
            with suppress(ClientError):  # it has ended meanwhile
                cloudformation.cancel_update_stack(StackName=self.name + part)
        if self.settled(part) != "DELETE_COMPLETE":
            cloudformation.delete_stack(StackName=self.name + part)
            if self.settled(part) != "DELETE_COMPLETE":
                raise click.ClickException(self.why_failed(part))


@contextmanager
def _noted(failed: list[str], what: str) -> Iterator[None]:
    """Note a failure instead of raising it."""
    try:
        yield
    except Exception as failure:  # noqa: BLE001 # one thing that stays must not keep the others from being deleted
        failed.append(f"{what}: {failure}")
