"""What is deployed beside the stack: a stand-in for CustomerGauge, a probe, and two callers."""
