"""AWS: the ledger (DynamoDB), queues (SQS), secrets (Secrets Manager)."""
