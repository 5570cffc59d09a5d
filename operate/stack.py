"""Find the outputs and resources of a stack through CloudFormation, and make AWS clients."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError

from operate.terminal.failures import NotAllowed, WrongCall, denied_action
from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import SettingsError
from personal_link.triggers import event_mappings
from personal_link.triggers.deliveries import Mapped

LIVE: Final = "live"  # the alias of each function
_CALLS: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3}, user_agent="operate"
)


def aws_session(profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Return a session of a profile and a region; without one, of AWS_REGION, which boto3 does not read."""
    return boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))


@dataclass(frozen=True)
class Resource:
    """One resource of a stack."""

    type: str
    id: str  # physical


@dataclass(frozen=True)
class Account:
    """An AWS account and region, or an emulator's."""

    session: boto3.Session
    endpoint_url: str | None
    mappings: Path | None = None  # the file in MappingsLayerArn
    refused: list[str] = field(
        default_factory=list
    )  # IAM actions that AWS refused; the package's errors do not name them

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        make: Any = self.session.client  # the stubs accept literal service names only
        client = make(service, endpoint_url=self.endpoint_url, config=_CALLS)
        client.meta.events.register("after-call", self._note)
        return client

    def _note(self, parsed: Any, model: Any, **_: object) -> None:
        if "Error" in parsed and (action := denied_action(ClientError(parsed, model.name))):
            self.refused.append(action)

    def stack(self, name: str) -> "Stack":
        """Return a stack. Raises WrongCall if it does not exist."""
        if not name.strip():
            raise WrongCall("STACK is empty: name the stack, as in personal-link.")
        cloudformation = self.client("cloudformation")
        try:
            [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as failure:
            if aws_error_code(failure) != "ValidationError":
                raise
            where = f"{cloudformation.meta.region_name}{' of the emulator' if self.endpoint_url else ''}"
            problem = f"There is no stack {name} in {where}: check its name, --region and --profile."
            raise WrongCall(problem) from None
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return Stack(
            name=name,
            status=description["StackStatus"],
            region=str(cloudformation.meta.region_name),
            account=self,
            outputs={one["OutputKey"]: one["OutputValue"] for one in description.get("Outputs", [])},
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in description.get("Parameters", [])},
            resources={
                one["LogicalResourceId"]: Resource(one["ResourceType"], one["PhysicalResourceId"])
                for page in pages
                for one in page["StackResourceSummaries"]
                if one.get("PhysicalResourceId")
            },
        )


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    name: str
    status: str
    region: str
    account: Account
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, Resource]

    def output(self, name: str) -> str:
        """Return an output. Raises a ClickException if the stack does not have it."""
        if name not in self.outputs:
            raise self._missing(f"output {name}", self.outputs)
        return self.outputs[name]

    def resource(self, logical_id: str) -> str:
        """Return a resource's physical id. Raises a ClickException if the stack does not have it."""
        if logical_id not in self.resources:
            raise self._missing(f"resource {logical_id}", self.resources)
        return self.resources[logical_id].id

    def _missing(self, what: str, there: Mapping[str, object]) -> click.ClickException:
        if self.outputs or self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            known = ", ".join(sorted(there)) or "nothing"
            return WrongCall(f"The stack {self.name} has no {what}, it has {known}: is it a Personal Link connector?")
        return click.ClickException(f"The stack {self.name} is {self.status}: see its events in CloudFormation.")

    def of_type(self, kind: str) -> dict[str, str]:
        """Return the physical ids of all resources of a type, by their names in the template."""
        return {name: one.id for name, one in sorted(self.resources.items()) if one.type == kind}

    @property
    def has_mappings_elsewhere(self) -> bool:
        """Tell whether the functions read event mappings of a layer, and --mappings does not name its file."""
        return bool(self.parameters.get("MappingsLayerArn")) and self.account.mappings is None

    @cached_property
    def mappings(self) -> event_mappings.EventMappings:
        """Return the event mappings that the functions read. Raises WrongCall if they are not here or wrong."""
        if self.has_mappings_elsewhere:
            raise WrongCall(
                f"{self.name} has its mappings in a layer (MappingsLayerArn): name the file before the command, "
                "operate --mappings event_mappings.toml ..."
            )
        return load_mappings(self.account.mappings or event_mappings.FILE)

    def map_event(self, event: Mapping[str, object]) -> Mapped | None:
        """Map an event as the functions do."""
        return self.mappings.apply(event)

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the worker's live version.

        Raises NotAllowed if Lambda hides it, because the user may not decrypt with the customer's key (KmsKeyArn).
        """
        function = self.account.client("lambda").get_function_configuration(
            FunctionName=self.resource("QueueWorkerFunction"), Qualifier=LIVE
        )
        if "Error" in function.get("Environment", {}):
            raise NotAllowed("kms:Decrypt")
        variables: Mapping[str, str] = function.get("Environment", {}).get("Variables", {})
        return variables


def load_mappings(file: Path) -> event_mappings.EventMappings:
    """Return the event mappings of a file. Raises WrongCall that names every mistake."""
    try:
        return event_mappings.load(file)
    except SettingsError as wrong:
        raise WrongCall(f"{wrong}.") from None
