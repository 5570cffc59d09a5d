"""A cold start on the real Lambda runtime: AWS's runtime interface emulator (RIE), and AWS's runtime client in it.

The RIE comes with the SAM CLI. It logs the time of the init phase: from the start of the interpreter, through the
imports and module-level code of the handler, until the runtime client asks for the first event.
"""

import http.client
import json
import platform
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from benchmarks.shipped import RUNTIME, Layout

SECONDS_TO_LISTEN = 10.0
SECONDS_TO_ANSWER = 60.0

_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_INVOCATION = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([\d.]+)ms\)")


class StartError(Exception):
    """The handler did not start, or did not answer; the message has the runtime's log."""


@dataclass(frozen=True)
class Start:
    """A cold start and the invocation that made it, in milliseconds."""

    init: float
    invocation: float
    answer: Any


def start(layout: Layout, handler: str, variables: Mapping[str, str], event: object) -> Start:
    """Start the entry of a handler in a new environment and let it answer its first event."""
    port, api_port = free_port(), free_port()
    command: list[str | Path] = [
        emulator(),
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{api_port}",
        RUNTIME,
        "-m",
        "awslambdaric",
        "entry.handler",
    ]
    environment = {
        **variables,
        "PYTHONPATH": layout.python_path(handler),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folders cannot be written to
        "LAMBDA_TASK_ROOT": str(layout.task(handler)),
        "AWS_REGION": variables["AWS_DEFAULT_REGION"],
        "AWS_LAMBDA_FUNCTION_NAME": handler,
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=layout.task(handler)
        )
        try:
            answer = _invoke(port, event, process)
        finally:
            process.terminate()  # it ends the handler's process too
            process.wait(10)
        return _read(log, answer)


def emulator() -> Path:
    """Return where the RIE for this machine is."""
    samcli = find_spec("samcli")
    if platform.system() != "Linux" or platform.machine() not in _ARCHITECTURES or not samcli or not samcli.origin:
        raise StartError("Lambda's runtime interface emulator runs on Linux, and comes with the SAM CLI")
    return Path(samcli.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{_ARCHITECTURES[platform.machine()]}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _invoke(port: int, event: object, process: subprocess.Popen[bytes]) -> bytes:
    """Send the event as soon as the RIE listens; the init phase begins with it."""
    deadline = time.monotonic() + SECONDS_TO_LISTEN
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_TO_ANSWER)
    while True:
        try:
            connection.connect()
            break
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartError("the runtime interface emulator does not listen") from None
            time.sleep(0.005)
    try:
        connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
        return connection.getresponse().read()
    finally:
        connection.close()


def _read(log: IO[bytes], answer: bytes) -> Start:
    log.seek(0)
    text = log.read().decode(errors="replace")
    init, invocation = _INIT.search(text), _INVOCATION.search(text)
    parsed = json.loads(answer) if answer else None
    if not init or not invocation or (isinstance(parsed, dict) and "errorType" in parsed):
        raise StartError(f"the handler failed: {answer.decode(errors='replace')}\n{text}")
    return Start(float(init[1]), float(invocation[1]), parsed)
