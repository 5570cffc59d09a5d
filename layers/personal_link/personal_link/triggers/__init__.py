"""Triggers: read requests from API Gateway, SQS, EventBridge and direct invocations, and answer them."""
