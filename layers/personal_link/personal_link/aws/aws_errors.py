"""What may be told of a failed AWS call: its code, never its text."""

import re

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.domain.error_texts import AWS_CODE


def aws_error_code(failure: ClientError | BotoCoreError) -> str:
    """Return the error's code as AWS names it, or the name of botocore's own exception when no answer came."""
    if isinstance(failure, ClientError):
        return known_code(failure.response["Error"]["Code"])
    return type(failure).__name__


def known_code(code: str) -> str:
    """Return a code that looks like one of AWS's; it stands in the answer, and whoever answered may write anything."""
    return code if re.fullmatch(AWS_CODE, code) else "unknown code"
