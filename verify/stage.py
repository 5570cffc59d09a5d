"""What a check is, and what it works with: the deployed copy, its callers and queues, and what the stand-in saw."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.credentials import Credentials

from operate.parked.queue import ParkedMessage, Sweep
from operate.stack import LIVE, Stack
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import local_url
from verify.account import VENDOR, Site

# What no log may show. All of a check's requests have these values.
DOMAIN: Final = "canary-of-verify.example"
FIRST_NAME: Final = "Kanarienvogel"
TOKEN: Final = "standin-"  # noqa: S105 - how a token of the stand-in begins
LINK: Final = "on.aws/r/"
SOURCE: Final = "com.example.verify"
FUNCTIONS: Final = ("HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction")


class Wrong(Exception):
    """A check saw something else. The text goes into the report: it names nothing of the account, as `why` may."""

    def __init__(self, seen: str, why: str = "") -> None:
        super().__init__(seen)
        self.why = why


@dataclass
class Stage:
    """The deployed copy. It is what an HttpCaller calls."""

    site: Site
    stack: Stack
    template_url: str
    beside: dict[str, str]  # outputs of the stand-in's stack
    client_secret: str = field(repr=False)
    began: float = field(default_factory=time.time)
    _results: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def http_url(self) -> str:
        """The URL of the HTTP API."""
        url, endpoint = self.stack.output("PersonalLinkUrl"), self.site.account.endpoint_url
        return local_url(endpoint, url) if endpoint and self.site.is_emulated else url

    @property
    def region(self) -> str:
        """The region of the stack."""
        return self.stack.region

    @property
    def authority(self) -> Path | None:
        """The certificate to trust beside the machine's own."""
        bundle = os.environ.get("AWS_CA_BUNDLE")
        return Path(bundle) if bundle else None

    @property
    def patience(self) -> float:
        """How much longer AWS may take than the emulator."""
        return 1 if self.site.is_emulated else 4

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        return self.site.client(service)

    def update(self, **changes: str) -> None:
        """Change parameters of the stack. Raises Wrong if CloudFormation does not."""
        if changes.items() <= self.stack.parameters.items():
            return
        self.begin_update(**changes)
        if (status := self.updated()) != "UPDATE_COMPLETE":
            raise Wrong(f"the update ended as {status}", self.site.why_failed())

    def begin_update(self, **changes: str) -> None:
        """Begin to change parameters of the stack."""
        self.site.begin_update(self.template_url, self.stack.parameters, changes)

    def updated(self) -> str:
        """Wait for the end of an update, and return the stack's status."""
        status = self.site.settled()
        self.stack = self.site.found()
        return status

    def caller(self, role: str = "Caller") -> HttpCaller:
        """Return a caller with the permissions of a role of the stand-in's stack."""
        sts = self.client("sts")
        given = sts.assume_role(RoleArn=self.beside[f"{role}Arn"], RoleSessionName="verify")["Credentials"]
        return HttpCaller(self, Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))

    def request(self, kind: str, **record: str) -> dict[str, Any]:
        """Return a new request; its key and reference are its name, which begins with `kind`."""
        name = f"{kind}-{secrets.token_hex(4)}"
        person = {"Email": f"{name}@{DOMAIN}", "First Name": FIRST_NAME, "Check": name}
        return {"configuration": "contact", "record": person | record, "reference": name, "idempotency_key": name}

    def send(self, request: dict[str, Any]) -> None:
        """Send a request to the requests queue."""
        self.client("sqs").send_message(QueueUrl=self.stack.output("RequestsQueueUrl"), MessageBody=json.dumps(request))

    def emit(self, request: dict[str, Any]) -> None:
        """Put a request on the bus, as an event that the stack's rule matches."""
        kind = self.stack.parameters["EventDetailType"].split(",")[0]
        bus = self.stack.output("EventBusName")
        entry = {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(request), "EventBusName": bus}
        self.client("events").put_events(Entries=[entry])

    def invoke(self, request: dict[str, Any], kind: str = "RequestResponse") -> Any:
        """Invoke the function for direct invocation, and return Lambda's answer."""
        return self.client("lambda").invoke(
            FunctionName=self.stack.output("DirectInvocationArn"), InvocationType=kind, Payload=json.dumps(request)
        )

    def wait[T](self, look: Callable[[], T | None], what: str, within: float = 30) -> T:
        """Return the first result of `look` that is not None. Raises Wrong, with `what`, after a time."""
        ends = time.monotonic() + within * self.patience
        while (found := look()) is None:
            if time.monotonic() > ends:
                raise Wrong(f"{what} within {within * self.patience:.0f} s")
            time.sleep(self.site.every / 2)
        return found

    def result(self, request: dict[str, Any], within: float = 30) -> dict[str, Any]:
        """Return the result of a request. Raises Wrong if none comes."""
        return self.wait(lambda: self._received().get(request["reference"]), "no result came", within)

    def created(self, request: dict[str, Any], within: float = 30) -> dict[str, Any]:
        """Return the result of a request that got a link. Raises Wrong if it got none."""
        result = self.result(request, within)
        if result["status"] != "created":
            raise Wrong(f"the result is {result['status']}: {result.get('error', {}).get('code')}")
        return result

    def parked(self, request: dict[str, Any], within: float, *, delete: bool = False) -> ParkedMessage:
        """Return a request's parked message, and delete it if asked. Raises Wrong if it is not parked."""

        def look() -> ParkedMessage | None:
            with Sweep.of(self.stack) as sweep:
                for message in sweep:
                    if request["reference"] in message.body:
                        if delete:
                            sweep.delete(message)
                        return message
            return None

        return self.wait(look, "it was not parked", within)

    def vendor_calls(self, request: dict[str, Any]) -> list[float]:
        """Return the times of the stand-in's calls for a request, in epoch seconds."""
        lines = (line.strip() for line in self.log(f"/aws/lambda/{self.site.name}{VENDOR}"))
        found = [json.loads(line) for line in lines if line.startswith("{") and request["reference"] in line]
        return sorted(one["at"] for one in found)

    def log(self, group: str) -> Iterator[str]:
        """Yield what a log group holds, line by line."""
        pages = self.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=round(self.began * 1000)):
            for event in page["events"]:
                yield from event["message"].splitlines()

    def live(self, function: str) -> Any:
        """Return the configuration of a function's live version."""
        return self.client("lambda").get_function_configuration(
            FunctionName=self.stack.resource(function), Qualifier=LIVE
        )

    def _received(self) -> dict[str, dict[str, Any]]:
        """Receive and delete results; return all so far, by their references."""
        sqs, url = self.client("sqs"), self.stack.output("ResultsQueueUrl")
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            result = json.loads(message["Body"])
            self._results[result.get("reference", "")] = result
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self._results


Run = Callable[[Stage], str]


@dataclass(frozen=True)
class Check:
    """One check: a group, a sentence, and a function that returns what it saw, or raises Wrong."""

    group: str
    name: str
    run: Run
    needs_aws: bool = False


CHECKS: Final[list[Check]] = []


def check(group: str, name: str, *, needs_aws: bool = False) -> Callable[[Run], Run]:
    """Make a function a check."""

    def add(run: Run) -> Run:
        CHECKS.append(Check(group, name, run, needs_aws))
        return run

    return add
