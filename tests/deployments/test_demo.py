"""`make demo`, from outside: what it prints is what the README shows, and nothing is left of it however it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import REPOSITORY

VARYING = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"/([rs])/[0-9a-f]{24}", r"/\1/LINK"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\b\d+ s\.", "N s."),
]


def start_demo() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def without_what_varies(output: str) -> list[str]:
    for pattern, name in VARYING:
        output = re.sub(pattern, name, output)
    return [line.rstrip() for line in output.strip().splitlines()]


def processes_that_mention(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text().replace("\0", " ")
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:  # it has just ended, or is not ours
            continue
        if text in command + environment and int(folder.name) != os.getpid():
            found.append(command)
    return found


def test_the_demo_prints_what_the_readme_shows() -> None:
    [shown] = re.findall(r"^```text\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.DOTALL | re.MULTILINE)

    demo = start_demo()
    output, _ = demo.communicate(timeout=240)

    assert without_what_varies(output) == without_what_varies(shown)
    assert demo.returncode == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc, which only Linux has")
def test_a_demo_that_is_interrupted_while_it_deploys_leaves_no_process_behind() -> None:
    demo = start_demo()
    assert demo.stdout is not None
    enforced = re.compile(r"IAM enforced +https://127\.0\.0\.1:(\d+)")
    port = next(found[1] for line in demo.stdout if (found := enforced.search(line)))
    assert processes_that_mention(f"GATEWAY_PORT={port}")

    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert processes_that_mention(f"GATEWAY_PORT={port}") == []
