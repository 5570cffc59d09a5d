"""Run the command line."""

from operate.commands import operate
from personal_link import observability

observability.configure("CRITICAL", stack="")  # the command itself prints each error, once
operate(prog_name="python -m operate")
