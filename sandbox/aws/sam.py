"""Run the SAM CLI for the emulator: one run at a time, and a build only if a source has changed."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sandbox import REPOSITORY
from sandbox.aws.emulator import BUILD, REGION, SandboxError, without_aws

SOURCES = ("template.yaml", "samconfig.toml", "layers", "functions")  # of `sam build`
BUILT = "built"  # a file that is as old as the last build

_SECONDS_TO_BUILD = 300


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Prevent two builds in one folder, for example `make test` beside `make local`."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_what_changed(process_group: int) -> None:
    """Build the stack, unless no source has changed since the last build. Call it within `one_at_a_time`."""
    if sources_changed():
        started = BUILD / "started"
        started.touch()
        run_sam("build", process_group, without_aws(), _SECONDS_TO_BUILD)
        started.replace(BUILD / BUILT)


def sources_changed() -> bool:
    """Return whether a source is as young as the last build. SAM itself takes five seconds to see that none is."""
    built = BUILD / BUILT
    if not built.exists() or not (BUILD / "build" / "template.yaml").exists():
        return True
    found = (path for name in SOURCES for path in (REPOSITORY / name, *(REPOSITORY / name).rglob("*")))
    sources = (path.stat() for path in found if "__pycache__" not in path.parts)
    return max(max(one.st_mtime_ns, one.st_ctime_ns) for one in sources) >= built.stat().st_mtime_ns


def run_sam(
    command: Literal["build", "deploy"],
    process_group: int,
    environment: Mapping[str, str],
    seconds: float,
    *options: str,
) -> None:
    """Run a sam command with the samconfig environment `local`; write its output to a file."""
    tools = Path(sys.executable).parent
    sam = tools / "sam"
    if not sam.exists():
        raise SandboxError("sam is missing beside this Python: use `make`, which installs it")
    environment = {
        **environment,
        "PATH": f"{tools}{os.pathsep}{environment.get('PATH', os.defpath)}",  # sam uses the first python on PATH
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",  # the emulator is quick; the default is 5 s
        "__SAM_CLI_APP_DIR": str(BUILD / "cli"),  # not the user's
        "AWS_DEFAULT_REGION": REGION,
    }
    log = BUILD / f"sam-{command}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sam, command, "--config-env", "local", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=REPOSITORY,
            process_group=process_group,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise SandboxError(f"sam {command} did not end within {seconds:.0f} s; see {log}") from None
        finally:
            process.kill()
            process.wait()
    if code:
        last_lines = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
        raise SandboxError(f"sam {command} failed:\n{last_lines}\nThe whole output is in {log}")
