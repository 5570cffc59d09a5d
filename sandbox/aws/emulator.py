"""Run an AWS emulator with IAM enforced during a `with` block.

The emulator ends with the block, also after an interruption or when its parent is killed. Nothing here reads the user's
AWS configuration or can reach AWS: every endpoint is the emulator's.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import trustme
from botocore.config import Config

from sandbox import REPOSITORY

BUILD = REPOSITORY / ".aws-sam"
LOG = BUILD / "emulator.log"
REGION = "eu-west-1"
ROOT_KEY = "test"  # access key and secret of the emulated account's root

_SECONDS_TO_START = 30.0


class SandboxError(Exception):
    """The sandbox cannot go on. The message says why and what to do."""


class EmulatorGone(SandboxError):
    """The emulator has ended, and its stack with it."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator. It speaks https, because the queues refuse plain http."""

    port: int
    authority: Path  # the certificate to trust
    process_group: int  # its processes end with the emulator

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"https://127.0.0.1:{self.port}"

    def has_ended(self) -> bool:
        """Tell whether the emulator's process has ended."""
        try:
            return os.waitid(os.P_PID, self.process_group, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # it was waited for
            return True

    def require_alive(self) -> None:
        """Raise EmulatorGone if the emulator's process has ended."""
        if self.has_ended():
            log = LOG.relative_to(REPOSITORY)
            raise EmulatorGone(f"The emulator is gone; start `make local` again. Its log is {log}.")

    def environment(self) -> dict[str, str]:
        """Return an environment in which a program talks to the emulator and not to AWS."""
        return without_aws() | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.authority),
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def client(self, service: str, account: str = ROOT_KEY, secret: str = ROOT_KEY) -> Any:
        """Return a client of a service: for the account's root, for another account, or with a user's access key.

        It does not read the user's AWS configuration.
        """
        nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        core = botocore.session.Session(session_vars=nowhere | {"profile": (None, None, None, None)})
        core.set_config_variable("ca_bundle", str(self.authority))
        core.set_credentials(account, secret)
        core.set_default_client_config(Config(proxies={}, retries={"total_max_attempts": 1}))
        session: Any = boto3.Session(botocore_session=core, region_name=REGION)
        return session.client(service, endpoint_url=self.url)


def without_aws() -> dict[str, str]:
    """Return this process's environment without the user's AWS, Python path and SAM settings."""
    unwanted = ("AWS_", "SAM_CLI_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def running_emulator(port: int | None = None, kept: Path | None = None) -> Iterator[Emulator]:
    """Run an emulator on the given or a free port, and yield it when it serves.

    Its certificate authority is the one in the folder `kept`, made there if there is none, or a new one.
    """
    if port is not None:
        require_free(port, "PORT")
    folder = Path(tempfile.mkdtemp(prefix="personal-link-"))
    try:
        authority, certificate, key = _certify(folder, kept)
        port = port or _free_port()
        process = _start(folder, port, certificate, key)
        try:
            emulator = Emulator(port, authority, process.pid)
            _wait_until_it_serves(emulator, process)
            yield emulator
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, port: int, certificate: Path, key: Path) -> subprocess.Popen[bytes]:
    """Start the emulator in its own process group, with a minimal environment that the functions inherit."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": f"{folder}/state",
        "S3_DATA_DIR": f"{folder}/s3",
        "AUTH": "true",  # enforce signatures, policies and roles
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",  # these two would open more ports
        "SFTP_ENABLED": "0",
    }
    BUILD.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-I", Path(__file__).with_name("emulator_process.py"), folder],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
            process_group=0,
        )


def _certify(folder: Path, kept: Path | None) -> tuple[Path, Path, Path]:
    """Return the authority's certificate, and a certificate with its key that it issues to this emulator."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    authority, issuer = _authority(kept or folder)
    issued = issuer.issue_cert("127.0.0.1", "localhost")
    for part in (*issued.cert_chain_pems, issuer.cert_pem):
        part.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    return authority, certificate, key


def _authority(folder: Path) -> tuple[Path, trustme.CA]:
    """Return the certificate authority in a folder, or make it."""
    authority, key = folder / "authority.pem", folder / "authority-key.pem"
    with suppress(FileNotFoundError):
        return authority, trustme.CA.from_pem(authority.read_bytes(), key.read_bytes())
    issuer = trustme.CA()
    folder.mkdir(parents=True, exist_ok=True)
    key.touch(mode=0o600)
    issuer.private_key_pem.write_to_path(key)
    issuer.cert_pem.write_to_path(authority)
    return authority, issuer


def opener_that_trusts(authority: Path) -> urllib.request.OpenerDirector:
    """Return an opener that uses no proxy and trusts the certificates of this authority."""
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(authority)))
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)


def _wait_until_it_serves(emulator: Emulator, process: subprocess.Popen[bytes]) -> None:
    opener = opener_that_trusts(emulator.authority)
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SandboxError(f"the emulator ended at once; see {LOG}")
        with suppress(OSError), opener.open(f"{emulator.url}/_ministack/ready", timeout=2):
            return
        time.sleep(0.05)
    raise SandboxError(f"the emulator did not serve within {_SECONDS_TO_START:.0f} s; see {LOG}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close the emulator's standard input, which ends it and its workers; kill what is left of the group."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def require_free(port: int, name: str) -> None:
    """Raise SandboxError, which begins with `name`, if nothing can listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            is_port = 0 < port < 65_536
            why = "is taken: stop what uses it, or choose another one" if is_port else "is no port: choose 1 to 65535"
            raise SandboxError(f"{name}={port} {why}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
