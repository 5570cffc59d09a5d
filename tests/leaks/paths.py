"""Every way that a request may take, happy or not, each with canaries in whatever comes in on it.

A path is a function of the stage; `PATHS` has them all by name.
"""

from tests.leaks import failing_paths, request_paths  # noqa: F401  # each lists its paths
from tests.leaks.listed import PATHS

__all__ = ["PATHS"]
