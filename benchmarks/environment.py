"""What the handlers run on when they are measured: a CustomerGauge and an AWS in processes of their own.

    with set_stage() as stage:
        stage.vendor.answer_after(0.05)
        seconds = stage.run("queue_worker", measured.work_one_by_one, "queue_worker", 300)

`run` calls a function of benchmarks.measured in a fresh Python process, with the variables that template.yaml gives
that Lambda function.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from benchmarks.aws_stub import AwsStub, running_stub
from benchmarks.invocations import Function
from sandbox.emulator import REPOSITORY, without_aws
from sandbox.template import source_template

RESOURCES: Mapping[Function, str] = {"http_api": "HttpApiFunction", "queue_worker": "QueueWorkerFunction"}
PYTHON_PATH = os.pathsep.join(
    str(REPOSITORY / folder) for folder in (".", "layers/personal_link", "functions/http_api", "functions/queue_worker")
)
CONFIGURATION = "contact"  # an inbound mapping that the sandbox knows


@dataclass(frozen=True)
class Count:
    """What an endpoint of the vendor's got so far."""

    calls: int
    connections: int


@dataclass(frozen=True)
class Vendor:
    """A CustomerGauge in a process of its own."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def secret(self) -> str:
        """The text of a credentials secret."""
        return json.dumps({"client_id": self.client_id, "client_secret": self.client_secret})

    @property
    def auth_url(self) -> str:
        """The same server by another name: the token's origin is not the API's, as with the real one."""
        return f"http://localhost:{urlsplit(self.url).port}"

    def answer_after(self, seconds: float) -> None:
        """Let every answer from now on take so long."""
        self._control("POST", "latency", {"seconds": seconds})

    def tokens(self) -> Count:
        """Return what the token endpoint got."""
        return self._count("token")

    def links(self) -> Count:
        """Return what the API got."""
        return self._count("personal-link")

    def expect_records(self, expected: int) -> None:
        """Raise RuntimeError unless so many survey records were made: a measurement of anything else is void."""
        made = self._control("GET", "calls", {})["links"]
        if made != expected:
            raise RuntimeError(f"CustomerGauge made {made} survey records, {expected} were expected")

    def _count(self, endpoint: str) -> Count:
        counted = self._control("GET", "calls", {})[endpoint]
        return Count(counted["count"], counted["connections"])

    def _control(self, method: str, action: str, content: Mapping[str, object]) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, f"/_sandbox/{action}", json.dumps(content))
            response = connection.getresponse()
            answer = json.load(response)
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"the sandbox refused {action}: {answer['message']}")
        return answer


class Account(Protocol):
    """An AWS to run on."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs in its environment to reach it, and nothing else."""
        ...

    @property
    def places(self) -> Mapping[str, str]:
        """The variables of a function that name a resource of the template's."""
        ...


@dataclass(frozen=True)
class Stage[A: Account]:
    """Everything that is up."""

    vendor: Vendor
    aws: A

    def environment(self, function: Function, **parameters: str) -> dict[str, str]:
        """Return a function's whole environment, with these template parameters."""
        addresses = {"AuthBaseUrl": self.vendor.auth_url, "ImportsBaseUrl": self.vendor.url}
        chosen = addresses | {"DefaultConfiguration": CONFIGURATION} | parameters
        variables = template_variables(function, self.aws.places, **chosen)
        return {**self.aws.environment, **variables, "PYTHONPATH": PYTHON_PATH}

    def run[T](self, function: Function, measured: Callable[..., T], *arguments: object, **parameters: str) -> T:
        """Return what a function of benchmarks.measured returns in an environment of its own, by way of JSON."""
        with self.started(function, measured, *arguments, **parameters) as process:
            output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{measured.__name__} failed in {function}; what it said is above")
        answer: T = json.loads(output)
        return answer

    def started(
        self, function: Function, measured: Callable[..., object], *arguments: object, **parameters: str
    ) -> subprocess.Popen[str]:
        """Start a function of benchmarks.measured in an environment of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measured", measured.__name__, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment(function, **parameters),
            cwd=REPOSITORY,
        )


def template_variables(function: Function, places: Mapping[str, str], **parameters: str) -> dict[str, str]:
    """Return the variables that template.yaml gives a function; `places` has those that name resources."""
    template = _template()
    written = [template["Globals"]["Function"], template["Resources"][RESOURCES[function]]["Properties"]]
    variables: dict[str, Any] = {}
    for properties in written:
        variables |= properties.get("Environment", {}).get("Variables", {})
    known = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()} | parameters
    known["AWS::StackName"] = "personal-link"

    def value_of(name: str, value: Any) -> str:
        if known["ShareAccessToken"] == "false" and name.startswith("ACCESS_TOKEN"):
            return ""
        if name in places:
            return places[name]
        return known[value["Ref"]] if isinstance(value, dict) else str(value)

    return {name: value_of(name, value) for name, value in variables.items()}


@cache
def _template() -> dict[str, Any]:
    return source_template()


@contextmanager
def running_vendor() -> Iterator[Vendor]:
    """Run a CustomerGauge sandbox in a process of its own."""
    command = [sys.executable, "-m", "sandbox.customergauge", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=without_aws(), cwd=REPOSITORY) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield Vendor(*(process.stdout.readline().split()[-1] for _line in range(3)))
        finally:
            process.terminate()


@contextmanager
def set_stage() -> Iterator[Stage[AwsStub]]:
    """Start a vendor and the AWS stub with its secret; stop them at the end of the block."""
    with running_vendor() as vendor, running_stub(vendor.secret) as aws:
        yield Stage(vendor, aws)
