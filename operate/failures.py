"""Print each failure in one line: the problem and what to do. Leave out AWS's text, which may quote anything."""

import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoRegionError,
    ProfileNotFound,
    SSLError,
)

from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import RequestError, SettingsError

_SIGN_IN: Final = "sign in (aws sso login), or use --profile"
_NOT_SIGNED_IN: Final = {
    "CredentialRetrievalError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSOTokenLoadError",
    "SignatureDoesNotMatch",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "UnrecognizedClientException",
}
_FORBIDDEN: Final = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_KEY_FORBIDDEN: Final = {"KMS.AccessDeniedException", "KMSAccessDenied", "KMSAccessDeniedException", "KmsAccessDenied"}
_ACTION: Final = re.compile(r"not authorized to perform: ([a-z0-9-]{1,32}):([A-Za-z]{1,64})\b")


class NotAllowed(click.ClickException):
    """The user has no permission for `action`."""

    exit_code = 3

    def __init__(self, action: str) -> None:
        super().__init__(f"not allowed: {action} (docs/policies/operator.json has all that the commands need)")
        self.action = action


class OneLineErrors(click.Group):
    """A command group that prints a failure in one line and exits with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn every error of AWS and of the package into a ClickException."""
        try:
            return super().invoke(ctx)
        except (ClientError, BotoCoreError) as failure:
            if denied := denied_action(failure):
                raise NotAllowed(denied) from None
            raise click.ClickException(explain(failure)) from None
        except RequestError as error:
            raise click.ClickException(error.message) from None
        except SettingsError:
            problem = "The function's environment is not what this checkout expects: use the one that was deployed."
            raise click.ClickException(problem) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as bug:  # noqa: BLE001 # its text may quote anything
            at = traceback.extract_tb(bug.__traceback__)[-1]
            problem = f"Unexpected {type(bug).__name__} in {at.name} ({Path(at.filename).name}:{at.lineno}): a bug."
            raise click.ClickException(problem) from None


def denied_action(failure: Exception) -> str | None:
    """Return the IAM action that AWS refused, for example sqs:SendMessage; None for any other failure."""
    if not isinstance(failure, ClientError):
        return None
    code, text = aws_error_code(failure), str(failure.response["Error"].get("Message", ""))
    if code not in _FORBIDDEN | _KEY_FORBIDDEN:
        return None
    operation = failure.operation_name.removesuffix("Batch")
    if named := _ACTION.search(text):
        # SQS writes its actions in lower case.
        return f"{named[1]}:{operation if named[2].lower() == operation.lower() else named[2]}"
    return "kms:Decrypt" if code in _KEY_FORBIDDEN or "KMS" in text else operation


def explain(failure: ClientError | BotoCoreError) -> str:
    """Return the problem of a failed AWS call and what to do."""
    code = aws_error_code(failure)
    operation = failure.operation_name if isinstance(failure, ClientError) else "a call"
    match failure:
        case NoRegionError():
            return "No AWS region is set: name it with --region, as in --region eu-west-1."
        case ProfileNotFound():
            return "There is no such AWS profile: `aws configure list-profiles` shows those there are."
        case EndpointConnectionError() | ConnectTimeoutError() | SSLError():
            return f"AWS cannot be reached ({code}): check --region, --endpoint-url and the network."
        case _ if code in _NOT_SIGNED_IN:
            return f"AWS does not accept your credentials ({code}): {_SIGN_IN}."
        case _:
            return f"AWS failed at {operation} ({code}): try again; if it fails again, see the stack in the console."


def missing(what: str, there: Mapping[str, object], stack: str) -> click.ClickException:
    """Return the error for a stack that is not a Personal Link connector."""
    known = ", ".join(sorted(there)) or "nothing"
    return click.ClickException(f"The stack {stack} has no {what}, it has {known}: is it a Personal Link connector?")
