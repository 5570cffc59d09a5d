"""Requests to test with."""

from collections.abc import Mapping

import pytest

from personal_link.domain.errors import InvalidRequest
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check

MESSAGE_KEY = IdempotencyKey("message", "message-1")


def delivered(content: Mapping[str, object], key: IdempotencyKey | None = MESSAGE_KEY) -> Delivery:
    return Delivery(Source("sqs", "message-1"), content, key, received_at=1_800_000_000.0)


def refusal_of(content: Mapping[str, object]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        check(delivered(content))
    return caught.value
