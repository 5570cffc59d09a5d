"""The whole stack on a laptop: the real template on an AWS emulator, against a CustomerGauge of our own."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]
