"""What the four tasks of the state machine share: AWS clients, and errors that quote nothing."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import PersonalLinkError


class BulkError(PersonalLinkError):
    """A task failed; the state machine tries it again."""


def task(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make a function's handler. An error's text stays in the state machine's history, so it quotes nothing."""

    @wraps(work)
    def handler(event: Any, context: Any) -> Any:
        try:
            return work(event, context)
        except PersonalLinkError:
            raise
        except (ClientError, BotoCoreError) as failure:
            raise BulkError(f"AWS: {aws_error_code(failure)}") from None
        except Exception as bug:  # noqa: BLE001  # its text may quote anything
            raise BulkError(f"unexpected {type(bug).__name__}") from None

    return handler


@cache
def client(service: str) -> Any:
    """Return the client of an AWS service, the same one in each invocation."""
    return boto3.client(service)  # type: ignore[call-overload]  # one of four
