"""AWS's emulator of the Lambda runtime is a program for Linux: elsewhere `make bench` cannot start it, nor can a test."""

import sys

collect_ignore = [] if sys.platform == "linux" else ["test_lambda_runtime.py"]
