"""The operator's command line: is a stack healthy, what is parked and why, and how it comes back.

`python -m operate --help`, or `make operate ARGS="--help"`. It finds everything by the stack's name alone, and works in
the same way on AWS and on the emulator of `make local`.
"""

import sys
from pathlib import Path

LAYER = str(Path(__file__).parents[1] / "layers" / "personal_link")
if LAYER not in sys.path:  # as Lambda does with a layer
    sys.path.append(LAYER)
