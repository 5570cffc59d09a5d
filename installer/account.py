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

# What a parameter names: the service, the operation and its argument that describe it.
_DESCRIBE: Final = {
    "CredentialsSecretArn": ("secretsmanager", "describe_secret", "SecretId"),
    "EventBusName": ("events", "describe_event_bus", "Name"),
    "KmsKeyArn": ("kms", "describe_key", "KeyId"),
}
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
        looks: list[Callable[[Mapping[str, str]], Iterator[Finding]]] = [concurrency, self._access_log_role]
        looks += [partial(self._named, parameter, *calls) for parameter, calls in _DESCRIBE.items()]
        for look in looks:
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

    def _named(
        self, parameter: str, service: str, operation: str, argument: str, parameters: Mapping[str, str]
    ) -> Iterator[Finding]:
        name = parameters[parameter]
        if not name or (parameter, name) == ("EventBusName", "default"):
            return
        try:
            getattr(self._client(service), operation)(**{argument: name})
        except ClientError as failure:
            if aws_error_code(failure) not in {"ResourceNotFoundException", "NotFoundException"}:
                raise
            yield Finding(f"{parameter}={name}: it is not in this account and region.")

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
