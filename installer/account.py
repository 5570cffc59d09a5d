"""Ask the AWS account before a deployment for what AWS would refuse only after minutes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from operate.terminal.failures import denied_action
from personal_link.aws.aws_errors import aws_error_code

UNRESERVED: Final = 100  # executions that Lambda keeps unreserved in an account

_FAILED_FIRST: Final = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True)
class Finding:
    """Something that the account lacks for a deployment; `refused` if AWS would refuse the deployment for it."""

    text: str
    refused: bool = True


@dataclass(frozen=True)
class DeployedStack:
    """What CloudFormation knows of a stack."""

    status: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Account:
    """An AWS account in a region."""

    session: boto3.Session

    @property
    def region(self) -> str | None:
        """Return the region of the AWS configuration."""
        return self.session.region_name

    def number(self) -> str:
        """Return the account's number. Raises ClientError or BotoCoreError if there are no valid credentials."""
        return str(self._client("sts").get_caller_identity()["Account"])

    def stack(self, name: str) -> DeployedStack | None:
        """Return a deployed stack, or None."""
        try:
            [found] = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as failure:
            if aws_error_code(failure) == "ValidationError":
                return None
            raise
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
        return DeployedStack(found["StackStatus"], parameters)

    def unreserved(self) -> int:
        """Return how many executions of the account no function has reserved."""
        limit = self._client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["UnreservedConcurrentExecutions"])

    def has_log_role(self) -> bool:
        """Tell whether API Gateway may write logs in this account and region."""
        return "cloudwatchRoleArn" in self._client("apigateway").get_account()

    def findings(self, parameters: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Finding]:
        """Yield what these parameters need and the account lacks, and what you are not allowed to look at.

        `before` are the parameters that the stack has, or none.
        """
        concurrency = partial(self._concurrency, reserved=int(before.get("DirectConcurrency", 0)))
        for look in (concurrency, self._access_log_role, self._secret, self._event_bus, self._key):
            try:
                yield from look(parameters)
            except ClientError as failure:
                if not (action := denied_action(failure)):
                    raise
                yield Finding(f"Not checked, because you are not allowed {action}.", refused=False)

    def _concurrency(self, parameters: Mapping[str, str], reserved: int) -> Iterator[Finding]:
        wanted = int(parameters["DirectConcurrency"])
        workers = int(parameters["MaximumConcurrency"])
        free = self.unreserved() + reserved
        if wanted and free - wanted < UNRESERVED:
            yield Finding(f"DirectConcurrency={wanted}: {UNRESERVED} of the account's {free} must stay unreserved.")
        if workers >= free:
            text = f"MaximumConcurrency={workers}: the account runs {free} functions at once; HTTP callers may get 503."
            yield Finding(text, refused=False)

    def _access_log_role(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        if parameters["HttpAccessLogs"] == "true" and not self.has_log_role():
            role = "API Gateway has no CloudWatch role; deploy docs/api-gateway-logging.yaml first."
            yield Finding(f"HttpAccessLogs=true: {role}")

    def _secret(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        if secret := parameters["CredentialsSecretArn"]:
            describe = self._client("secretsmanager").describe_secret
            yield from _absent(f"CredentialsSecretArn={secret}", lambda: describe(SecretId=secret))

    def _event_bus(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        bus = parameters["EventBusName"]
        if bus != "default":
            describe = self._client("events").describe_event_bus
            yield from _absent(f"EventBusName={bus}", lambda: describe(Name=bus))

    def _key(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        if key := parameters["KmsKeyArn"]:
            describe = self._client("kms").describe_key
            yield from _absent(f"KmsKeyArn={key}", lambda: describe(KeyId=key))

    def _client(self, service: str) -> Any:
        make: Any = self.session.client  # the stubs accept literal service names only
        return make(service)


def refusal(stack: str, found: DeployedStack | None, where: str = "") -> str | None:
    """Return why CloudFormation would refuse to deploy over this stack, and what to do; None if it would not.

    `where` are the options for profile and region of a command to run.
    """
    if found is None:
        return None
    if found.status in _FAILED_FIRST:
        return f"The stack {stack} is {found.status}: run `sam delete --stack-name {stack}{where}`, then deploy again."
    if found.status == "UPDATE_ROLLBACK_FAILED":
        mend = f"aws cloudformation continue-update-rollback --stack-name {stack}{where}"
        return f"The stack {stack} is {found.status}: run `{mend}`, then deploy again."
    if found.status.endswith("_IN_PROGRESS"):
        return f"The stack {stack} is {found.status}: wait until it has ended, then deploy again."
    return None


def _absent(what: str, look: Callable[[], object]) -> Iterator[Finding]:
    try:
        look()
    except ClientError as failure:
        if aws_error_code(failure) not in {"ResourceNotFoundException", "NotFoundException"}:
            raise
        yield Finding(f"{what}: it is not in this account and region.")
