"""How requests come in and how answers go out: API Gateway, SQS, EventBridge, direct invocation."""
