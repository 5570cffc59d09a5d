"""An account in which nothing exists but what a test says, and the command run in it without a deployment.

As a program, `pretended_run.py FOLDER SECONDS`: a check waits, and a deletion is noted.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from operate.stack import Account
from verify import __main__ as command
from verify.account import Site
from verify.stage import Check, Stage


@dataclass(frozen=True)
class AnsweringAccount(Account):
    answers: dict[str, Any] = field(default_factory=dict)  # of an operation: an answer, or a function of its parameters
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            client = self.clients[service] = super().client(service)
            client.meta.events.register("provide-client-params", self.note)
            client.meta.events.register("before-call", self.answer)
        return self.clients[service]

    def note(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self.calls.append((model.name, params))

    def answer(self, model: Any, **_: object) -> tuple[AWSResponse, Any]:
        answer = self.answers.get(model.name, {})
        if callable(answer):
            answer = answer(self.calls[-1][1])
        return AWSResponse("https://aws.example", 403 if "Error" in answer else 200, HTTPHeaders(), None), answer

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == operation]


def refusal(code: str, said: str = "") -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": said}}


def no_stack(params: dict[str, Any]) -> dict[str, Any]:
    return refusal("ValidationError") if "StackName" in params else {"Stacks": []}


def empty_account() -> AnsweringAccount:
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    account = AnsweringAccount(session, None)
    account.answers["DescribeStacks"] = no_stack
    account.answers["GetCallerIdentity"] = {"Account": "123456789012"}
    return account


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
