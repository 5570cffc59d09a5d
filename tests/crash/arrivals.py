"""Requests as each trigger brings them, again and again until there is an outcome."""

import json
from dataclasses import dataclass
from typing import Any, Literal

Trigger = Literal["http with a key", "http without a key", "sqs", "eventbridge", "direct"]
HTTP: tuple[Trigger, ...] = ("http with a key", "http without a key")


@dataclass(frozen=True)
class Arrival:
    """One request; `name` tells it from all others."""

    trigger: Trigger
    name: str
    sent_at: float  # epoch seconds
    key: str | None = None  # the caller's own, in the body
    record: object = None

    @property
    def email(self) -> str:
        return f"{self.name}@acme.example"

    @property
    def content(self) -> dict[str, object]:
        record = {"Email": self.email} if self.record is None else self.record
        key = {} if self.key is None else {"idempotency_key": self.key}
        return {"record": record, "reference": self.key or self.name, **key}

    @property
    def message_id(self) -> str:
        return f"{self.name}.m"

    def http_event(self, delivery: int) -> dict[str, Any]:
        """Return the n-th call, with the same key and body, as a good client makes it."""
        key = {"Idempotency-Key": f"key-of-{self.name}"} if self.trigger == "http with a key" else {}
        return {
            "httpMethod": "PUT",
            "path": "/personal-link",
            "headers": {"Content-Type": "application/json", **key},
            "body": json.dumps(self.content),
            "isBase64Encoded": False,
            "requestContext": {
                "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
                "requestId": f"{self.name}.{delivery}",
                "requestTimeEpoch": round((self.sent_at + delivery) * 1000),
            },
        }

    def sqs_record(self, delivery: int, receipt: str) -> dict[str, Any]:
        """Return the n-th delivery of the same message."""
        return {
            "messageId": self.message_id,
            "receiptHandle": receipt,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(delivery),
                "SentTimestamp": str(round(self.sent_at * 1000)),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }

    @property
    def body(self) -> str:
        if self.trigger != "eventbridge":
            return json.dumps(self.content)
        event = {
            "version": "0",
            "id": f"{self.name}.e",
            "detail-type": "Personal Link Requested",
            "source": "shop",
            "time": "2026-11-23T09:59:59Z",
            "detail": self.content,
        }
        return json.dumps(event)
