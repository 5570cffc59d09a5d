"""An account in which nothing exists but what a test says; it notes what is called."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from operate.stack import Account


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
