"""Run the command line."""

import os
import sys


def main() -> None:
    """Run the command line; `bin/operate` says by which name it was called."""
    try:
        from operate.commands import operate  # noqa: PLC0415 # takes long enough for a Ctrl-C
        from personal_link import observability  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    observability.configure("CRITICAL", stack="")  # the command itself prints each error, once
    try:
        operate(prog_name=os.environ.get("OPERATE_NAME"), complete_var="_OPERATE_COMPLETE")
    except OSError as failure:  # as on a full disk
        sys.stderr.write(f"Error: The output cannot be written: {failure.strerror}.\n")
        os._exit(1)  # the interpreter would try to write it again


if __name__ == "__main__":
    main()
