"""The operator's command line: a stack's health, its parked requests and their redrive.

`python -m operate --help`, or `make operate ARGS="--help"`. It needs only the stack's name, and works on AWS
and on the emulator of `make local`.
"""

import sys
from pathlib import Path

LAYER = str(Path(__file__).parents[1] / "layers" / "personal_link")
if LAYER not in sys.path:  # Lambda adds a layer to the path too
    sys.path.append(LAYER)
