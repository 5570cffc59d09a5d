"""AWS's emulator of the Lambda runtime runs on Linux: elsewhere neither `make bench` nor a test can start it."""

import sys

collect_ignore = [] if sys.platform == "linux" else ["test_lambda_runtime.py"]
