"""The Personal Link connector: from a request to a CustomerGauge survey link, once, with one honest outcome."""
