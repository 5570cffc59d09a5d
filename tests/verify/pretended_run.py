"""Run the command without a deployment, as `pretended_run.py FOLDER SECONDS`: a check waits, a deletion is noted."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.verify.answering_account import empty_account
from verify import __main__ as command
from verify.account import Site
from verify.stage import Check, Stage


@contextmanager
def pretended_run(check: Check) -> Iterator[None]:
    """Replace the account, the deployment and the checks during a `with` block."""

    @contextmanager
    def deployed(site: Site, _boundary: str) -> Iterator[Stage]:
        yield Stage(site, None, "", {}, "")  # type: ignore[arg-type] # a run without a stack

    account = empty_account()
    with (
        patch.multiple(command, _deployed=deployed, _account=lambda: account, run_sam=lambda *_: None, CHECKS=[check]),
        patch.object(Site, "left", lambda *_args, **_named: []),
    ):
        yield


def main(folder: Path, seconds: float) -> None:
    def wait(_stage: Stage) -> str:
        sys.stdout.write("WAITING\n")
        sys.stdout.flush()
        time.sleep(seconds)
        return ""

    def delete(site: Site) -> list[str]:
        (folder / "deleted").write_text(site.name)
        return []

    with pretended_run(Check("triggers", "A check waits.", wait)), patch.object(Site, "delete", delete):
        command.verify(["--yes"], prog_name="make verify-aws")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
