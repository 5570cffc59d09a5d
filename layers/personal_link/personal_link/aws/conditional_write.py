"""Conditional writes to DynamoDB."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import Code, NotProcessed

Item = Mapping[str, Any]


def conditional_write(operation: Callable[..., object], **arguments: object) -> Item | None:
    """Write and return None, or return the existing item if the condition does not hold.

    Raises NotProcessed (`internal_error`) when DynamoDB fails.
    """
    try:
        operation(ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments)
    except (ClientError, BotoCoreError) as failure:
        code = aws_error_code(failure)
        if isinstance(failure, ClientError) and code == "ConditionalCheckFailedException":
            return cast("Item", failure.response.get("Item", {}))  # missing in the stubs
        raise NotProcessed(Code.INTERNAL_ERROR, f"the ledger failed ({code})") from None
    return None
