"""The credentials and the connection to CustomerGauge, checked."""
