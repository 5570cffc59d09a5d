"""`make bench`: measure speed, goodput and cost, side by side with the code that one would write instead."""

import sys
from pathlib import Path

LAYER = str(Path(__file__).parents[1] / "layers" / "personal_link")
if LAYER not in sys.path:  # as Lambda does with a layer
    sys.path.append(LAYER)
