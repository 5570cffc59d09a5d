"""Error codes of failed AWS calls. Their texts are never used."""

import re

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.domain.error_texts import AWS_CODE


def aws_error_code(failure: ClientError | BotoCoreError) -> str:
    """Return the AWS error code, or the class name of botocore's exception when no answer came."""
    if isinstance(failure, ClientError):
        return known_code(failure.response["Error"]["Code"])
    return type(failure).__name__


def known_code(code: str) -> str:
    """Return the code if it looks like an AWS error code; any server may have written the answer."""
    return code if re.fullmatch(AWS_CODE, code) else "unknown code"
