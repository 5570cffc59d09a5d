"""Deliveries to test with, and what is refused of them."""

from collections.abc import Mapping

import pytest

from personal_link.domain.errors import InvalidRequest
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check

MESSAGE = Source("sqs", "message-1")
MESSAGE_KEY = IdempotencyKey("message", "message-1")


def delivered(
    content: Mapping[str, object], key: IdempotencyKey | None = MESSAGE_KEY, source: Source = MESSAGE
) -> Delivery:
    return Delivery(source, content, key, received_at=1_800_000_000.0)


def refusal_of(content: Mapping[str, object]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        check(delivered(content))
    return caught.value
