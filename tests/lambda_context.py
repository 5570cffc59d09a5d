"""Lambda's context of an invocation, as far as the functions use it."""

import time


class Context:
    """The id of an invocation, and the time that is left of it."""

    def __init__(self, seconds: float = 28, aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef") -> None:
        self.aws_request_id = aws_request_id
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends_at - time.monotonic()) * 1000)
