"""A CustomerGauge of our own: the documented API over real HTTP."""
