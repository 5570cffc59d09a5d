"""Runs the command line."""

from operate.commands import operate
from personal_link import observability

observability.configure("CRITICAL", stack="")  # what goes wrong is told once, by the command
operate(prog_name="python -m operate")
