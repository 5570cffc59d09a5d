"""The operator's command line: health, one request, parked requests, outputs and logs of a stack.

It needs only the stack's name, and works on AWS and on the emulator of `make local`.
"""

import sys
from pathlib import Path
from typing import Final

VERSION: Final = "1.0.0.dev0"

LAYER = str(Path(__file__).parents[1] / "layers" / "personal_link")
if LAYER not in sys.path:  # Lambda adds a layer to the path too
    sys.path.append(LAYER)
