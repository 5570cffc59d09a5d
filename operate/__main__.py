"""Run the command line."""

import os

from operate.commands import operate
from personal_link import observability


def main() -> None:
    """Run the command line; `bin/operate` says by which name it was called."""
    observability.configure("CRITICAL", stack="")  # the command itself prints each error, once
    operate(prog_name=os.environ.get("OPERATE_NAME"), complete_var="_OPERATE_COMPLETE")


if __name__ == "__main__":
    main()
