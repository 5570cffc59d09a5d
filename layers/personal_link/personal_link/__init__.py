"""The Personal Link connector: from a request to a CustomerGauge survey link, with exactly one result per request."""
