"""The whole stack on a laptop: the real template on an AWS emulator, against a CustomerGauge of our own."""
