"""What may be told of a failed AWS call: its code, never its text."""

from botocore.exceptions import BotoCoreError, ClientError


def aws_error_code(failure: ClientError | BotoCoreError) -> str:
    """Return the error's code as AWS names it, or the name of botocore's own exception when no answer came."""
    if isinstance(failure, ClientError):
        return failure.response["Error"]["Code"]
    return type(failure).__name__
