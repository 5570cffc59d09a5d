"""Print each failure in one line: the problem and what to do. Leave out AWS's text, which may quote anything."""

import errno
import os
import re
import traceback
from pathlib import Path
from typing import Any, Final

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
)

from operate.terminal.options import ExampleCommand, write_example
from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import RequestError, SettingsError

NEEDS_YOU: Final = 1  # exit codes
WRONG_CALL: Final = 2
NOT_REACHABLE: Final = 3

_SIGN_IN: Final = "sign in (aws sso login), or use --profile"
_NOT_SIGNED_IN: Final = {
    "CredentialRetrievalError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
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


class WrongCall(click.ClickException):
    """The command was called wrongly: another name, option or file is needed."""

    exit_code = WRONG_CALL


class NotReachable(click.ClickException):
    """AWS could not be asked, so nothing is known of the stack."""

    exit_code = NOT_REACHABLE


class NotAllowed(NotReachable):
    """The user has no permission for `action`."""

    def __init__(self, action: str) -> None:
        super().__init__(f"not allowed: {action} (docs/policies has all that is needed)")
        self.action = action


class OneLineErrors(click.Group):
    """A command group that prints a failure in one line."""

    command_class = ExampleCommand

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example as it works here."""
        write_example(ctx, formatter, self.epilog)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn every error of AWS and of the package into a ClickException."""
        try:
            return super().invoke(ctx)
        except ConfigParseError as failure:
            problem = f"Your AWS configuration cannot be read: {failure.kwargs['path']}. Correct it."
            raise WrongCall(problem) from None
        except (ClientError, BotoCoreError) as failure:
            raise explain(failure) from None
        except RequestError as error:
            raise click.ClickException(error.message) from None
        except SettingsError:
            problem = "The function's environment is not what this version expects: use the one that was deployed."
            raise WrongCall(problem) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):  # click ends on them
            raise
        except Exception as bug:  # its text may quote anything
            if isinstance(bug, OSError) and bug.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise  # __main__ ends on it
            if no_bundle := _no_ca_bundle():
                raise no_bundle from None
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


def explain(failure: ClientError | BotoCoreError) -> WrongCall | NotReachable:
    """Return the problem of a failed AWS call and what to do."""
    if action := denied_action(failure):
        return NotAllowed(action)
    code = aws_error_code(failure)
    operation = failure.operation_name if isinstance(failure, ClientError) else "a call"
    if isinstance(failure, BotoCoreError) and (no_bundle := _no_ca_bundle()):
        return no_bundle
    kind: type[WrongCall | NotReachable] = NotReachable
    line = f"AWS failed at {operation} ({code}): try again; if it fails again, see the console."
    match failure:
        case NoRegionError():
            kind, line = WrongCall, "No AWS region is set: name it with --region, as in --region eu-west-1."
        case InvalidRegionError():
            kind, line = WrongCall, "There is no such AWS region: correct --region, AWS_REGION or your profile."
        case ProfileNotFound():
            kind, line = WrongCall, "There is no such AWS profile: `aws configure list-profiles` shows those there are."
        case SSLError():
            line = f"AWS has a certificate that is not trusted here ({code}): check AWS_CA_BUNDLE and --endpoint-url."
        case EndpointConnectionError() | ConnectTimeoutError() | ReadTimeoutError():
            line = f"AWS cannot be reached ({code}): check --region, --endpoint-url and the network."
        case NoCredentialsError():
            line = f"There are no AWS credentials here: {_SIGN_IN}."
        case _ if code in _NOT_SIGNED_IN:
            line = f"AWS does not accept your credentials ({code}): {_SIGN_IN}."
    return kind(line)


def _no_ca_bundle() -> WrongCall | None:
    """Return the problem of a missing file with certificates; botocore reads these two variables."""
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if path := os.environ.get(variable):
            problem = f"{variable} names a file that is not there: {path}. Correct or unset it."
            return None if Path(path).exists() else WrongCall(problem)
    return None
