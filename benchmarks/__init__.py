"""How fast and how cheap it is: `make bench` measures everything in one run, side by side with what one would write."""

import sys
from pathlib import Path

LAYER = str(Path(__file__).parents[1] / "layers" / "personal_link")
if LAYER not in sys.path:  # as Lambda does with a layer
    sys.path.append(LAYER)
