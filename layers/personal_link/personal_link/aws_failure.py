"""What may be told of a failed AWS call: its code, never its text."""

import re
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

# As AWS writes its codes; or an HTTP status, where the answer named none.
_CODE: Final = re.compile(r"[A-Za-z.]{1,64}|[1-5][0-9]{2}")


def aws_error_code(failure: ClientError | BotoCoreError) -> str:
    """Return the error's code as AWS names it, or the name of botocore's own exception when no answer came."""
    if isinstance(failure, ClientError):
        return known_code(failure.response["Error"]["Code"])
    return type(failure).__name__


def known_code(code: str) -> str:
    """Return a code that looks like one of AWS's; it stands in the answer, and whoever answered may write anything."""
    return code if _CODE.fullmatch(code) else "unknown code"
