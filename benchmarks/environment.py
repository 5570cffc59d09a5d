"""The environment of a function that is measured: a CustomerGauge, an AWS account, the template's variables.

    with canned_environment() as environment:
        environment.vendor.latency = 0.05
        pairs = environment.run("queue_worker", workloads.take_turns, "queue_worker", 200)

`run` calls a function of benchmarks.workloads in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.invocations import Function
from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, ROOT_KEY, Emulator, without_aws
from sandbox.customergauge.server import CustomerGaugeSandbox
from sandbox.template import source_template

RESOURCES: Mapping[Function, str] = {"http_api": "HttpApiFunction", "queue_worker": "QueueWorkerFunction"}
PYTHON_PATH = os.pathsep.join(
    str(REPOSITORY / folder) for folder in (".", "layers/personal_link", "functions/http_api", "functions/queue_worker")
)
CONFIGURATION = "contact"  # an inbound mapping that the sandbox knows
QUEUES = ("REQUESTS", "PARKED", "RESULTS")


class Vendor(CustomerGaugeSandbox):
    """A CustomerGauge sandbox in this process, which only waits while another one is measured."""

    @property
    def secret(self) -> str:
        """The text of a credentials secret."""
        return json.dumps({"client_id": self.client_id, "client_secret": self.client_secret})

    def expect_records(self, expected: int) -> None:
        """Raise RuntimeError unless exactly so many survey records were made: no other measurement counts."""
        if len(self.links) != expected:
            raise RuntimeError(f"CustomerGauge made {len(self.links)} survey records, {expected} were expected")


@dataclass(frozen=True)
class Account:
    """An AWS account: how a process reaches it, and the variables of a function that name its resources."""

    environment: Mapping[str, str]
    places: Mapping[str, str]


def canned_account(secret: str) -> Account:
    """Return the account of benchmarks.canned_aws."""
    arn = f"arn:aws:secretsmanager:{REGION}:000000000000:secret:"
    return Account(
        without_aws()
        | {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # a call that got no canned reply must not leave this machine
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
            "CANNED_SECRET": secret,
        },
        {
            "LEDGER_TABLE": "ledger",
            "CREDENTIALS_SECRET_ARN": f"{arn}credentials-AbCdEf",
            "ACCESS_TOKEN_SECRET_ARN": f"{arn}access-token-AbCdEf",
            **{f"{name}_QUEUE_URL": f"http://127.0.0.1:9/000000000000/{name}" for name in QUEUES},
        },
    )


def emulated_account(emulator: Emulator, secret: str) -> Account:
    """Create the ledger's table, the queues and the secrets on the emulator."""
    emulator.client("dynamodb").create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    sqs, secrets = emulator.client("sqs"), emulator.client("secretsmanager")
    places = {
        "LEDGER_TABLE": "ledger",
        "CREDENTIALS_SECRET_ARN": secrets.create_secret(Name="credentials", SecretString=secret)["ARN"],
        "ACCESS_TOKEN_SECRET_ARN": secrets.create_secret(Name="access-token", SecretString="{}")["ARN"],
    }
    queues = {f"{name}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
    return Account(emulator.environment(), places | queues)


@dataclass(frozen=True)
class Environment:
    """A CustomerGauge and an AWS account, and the processes that run a function with them."""

    vendor: Vendor
    account: Account

    def variables(self, function: Function, **parameters: str) -> dict[str, str]:
        """Return all environment variables of a function, with these template parameters."""
        token_server = f"http://localhost:{self.vendor.port}"  # another origin than the API, as the real one
        addresses = {"AuthBaseUrl": token_server, "ImportsBaseUrl": self.vendor.base_url}
        chosen = addresses | {"DefaultConfiguration": CONFIGURATION} | parameters
        variables = template_variables(function, self.account.places, **chosen)
        return {**self.account.environment, **variables, "PYTHONPATH": PYTHON_PATH}

    def run[T](self, function: Function, workload: Callable[..., T], *arguments: object, **parameters: str) -> T:
        """Run a function of benchmarks.workloads in a process of its own; return its result, by way of JSON."""
        with self.started(function, workload, *arguments, **parameters) as process:
            output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{workload.__name__} failed in {function}; its error is above")
        answer: T = json.loads(output)
        return answer

    def started(
        self, function: Function, workload: Callable[..., object], *arguments: object, **parameters: str
    ) -> subprocess.Popen[str]:
        """Start a function of benchmarks.workloads in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workloads", workload.__name__, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.variables(function, **parameters),
            cwd=REPOSITORY,
        )


def template_variables(function: Function, places: Mapping[str, str], **parameters: str) -> dict[str, str]:
    """Return the variables that template.yaml gives a function; `places` are those that name resources."""
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
    """Run a CustomerGauge sandbox."""
    with Vendor() as vendor:
        yield vendor


@contextmanager
def canned_environment() -> Iterator[Environment]:
    """Run a CustomerGauge sandbox beside canned replies of AWS."""
    with running_vendor() as vendor:
        yield Environment(vendor, canned_account(vendor.secret))
