"""A failure is one line: what is wrong and what to do. AWS's own words, which may quote anything, are left out."""

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

from personal_link.aws_failure import aws_error_code
from personal_link.errors import RequestError, SettingsError

_SIGN_IN: Final = "sign in to AWS (aws sso login), or name a profile with --profile"
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
_FORBIDDEN: Final = {"AccessDenied", "AccessDeniedException", "KMSAccessDeniedException", "UnauthorizedOperation"}


class OneLineErrors(click.Group):
    """Commands whose expected failures end as one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; raise ClickException for whatever AWS or the package raised."""
        try:
            return super().invoke(ctx)
        except (ClientError, BotoCoreError) as failure:
            problem = told(failure)
        except RequestError as error:
            problem = error.message
        except SettingsError:
            problem = "The function's environment is not what this checkout expects: use the one that was deployed."
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as bug:  # noqa: BLE001 # its text may quote anything
            at = traceback.extract_tb(bug.__traceback__)[-1]
            problem = f"Unexpected {type(bug).__name__} in {at.name} ({Path(at.filename).name}:{at.lineno}): a bug."
        raise click.ClickException(problem)  # out here: what was caught is no context for it


def told(failure: ClientError | BotoCoreError) -> str:
    """Return what is wrong with a call of AWS's, and what to do."""
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
            return f"AWS does not know you ({code}): {_SIGN_IN}."
        case _ if code in _FORBIDDEN:
            return f"AWS refuses {operation} ({code}): your role lacks this permission on the stack's resources."
        case _:
            return f"AWS failed at {operation} ({code}): try again; if it stays so, look at the stack in the console."


def missing(what: str, there: Mapping[str, object], stack: str) -> click.ClickException:
    """Return the error for a stack that is another one than expected."""
    known = ", ".join(sorted(there)) or "nothing"
    return click.ClickException(f"The stack {stack} has no {what}, it has {known}: is it a Personal Link connector?")
