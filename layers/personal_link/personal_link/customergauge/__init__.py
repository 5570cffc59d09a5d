"""CustomerGauge: HTTP, answers, the access token, the circuit breaker."""
