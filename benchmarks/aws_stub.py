"""The few AWS calls that the connector makes, answered in a process of its own and fast.

    with running_stub(secret) as aws:
        aws.environment   # what boto3 needs to reach it
        aws.count()       # calls and connections so far

The emulator and moto take longer for an answer than the connector takes for everything else, and would hide it. The
ledger is a dictionary with true conditional writes: one thread, one write at a time. Nobody is asked for permission
and nothing is kept of a message but its number.
"""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from benchmarks.dynamodb_expressions import ExpressionError, Item, holds, updated
from sandbox.emulator import REGION, REPOSITORY, ROOT_KEY, without_aws

KEY = "pk"  # of every table, as template.yaml's ledger has it

Content = Mapping[str, Any]
Answer = tuple[int, Content]


@dataclass(frozen=True)
class Count:
    """What the stub was asked so far: each call's name with the bytes of its body, and connections by service."""

    calls: Sequence[tuple[str, int]]
    connections: Mapping[str, int]


@dataclass(frozen=True)
class AwsStub:
    """A running stub."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to talk to the stub, and to nothing else."""
        return without_aws() | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def count(self) -> Count:
        """Return what it was asked so far."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/count", timeout=10) as answer:
            counted = json.load(answer)
        return Count([(name, size) for name, size in counted["calls"]], counted["connections"])

    @property
    def places(self) -> dict[str, str]:
        """The variables of a function that name a resource; whatever the name, it is there."""
        queues = {f"{name}_QUEUE_URL": f"{self.url}/000000000000/{name}" for name in ("REQUESTS", "PARKED", "RESULTS")}
        arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:"
        secrets = {
            "CREDENTIALS_SECRET_ARN": f"{arn}credentials-AbCdEf",
            "ACCESS_TOKEN_SECRET_ARN": f"{arn}access-token-AbCdEf",
        }
        return queues | secrets | {"LEDGER_TABLE": "ledger"}


@contextmanager
def running_stub(secret: str) -> Iterator[AwsStub]:
    """Run a stub whose credentials secret is this text; every other secret is `{}` at first."""
    environment = without_aws() | {"STUB_SECRET": secret, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "benchmarks.aws_stub"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=REPOSITORY) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield AwsStub(process.stdout.readline().strip())
        finally:
            process.terminate()


class Services:
    """What the services answer; the dictionaries are the account."""

    def __init__(self, secret: str) -> None:
        self._credentials = secret
        self._secrets: dict[str, Content] = {}
        self._tables: dict[str, dict[str, Item]] = {}
        self.calls: list[tuple[str, int]] = []
        self.connections: Counter[str] = Counter()

    def count(self) -> Content:
        """Return what was asked so far."""
        return {"calls": self.calls, "connections": self.connections}

    def answer(self, target: str, body: bytes) -> Answer:
        """Answer a call; `target` is what the header x-amz-target says: DynamoDB_20120810.PutItem."""
        name = target.partition(".")[2]
        self.calls.append((name, len(body)))
        content = json.loads(body)
        match name:
            case "PutItem" | "UpdateItem" | "GetItem":
                try:
                    return self._item(name, content)
                except ExpressionError as error:
                    return 400, _error("ValidationException", str(error))
            case "SendMessageBatch" | "SendMessage":
                taken = [{"Id": entry["Id"], "MessageId": str(uuid4())} for entry in content.get("Entries", [])]
                return 200, {"Successful": taken, "Failed": [], "MessageId": str(uuid4())}
            case "ChangeMessageVisibilityBatch":
                return 200, {"Successful": [{"Id": entry["Id"]} for entry in content["Entries"]], "Failed": []}
            case "GetSecretValue":
                text = self._credentials if ":credentials-" in content["SecretId"] else "{}"
                kept = self._secrets.get(content["SecretId"], {"SecretString": text, "VersionId": "first"})
                return 200, {"ARN": content["SecretId"], **kept}
            case "PutSecretValue":
                version = content["ClientRequestToken"]
                self._secrets[content["SecretId"]] = {"SecretString": content["SecretString"], "VersionId": version}
                return 200, {"ARN": content["SecretId"], "VersionId": version}
        return 400, _error("UnknownOperationException", target)

    def _item(self, name: str, content: Content) -> Answer:
        table = self._tables.setdefault(content["TableName"], {})
        key = (content["Item"] if name == "PutItem" else content["Key"])[KEY]
        there: Item = table.get(key["S"], {})
        if name == "GetItem":
            return 200, {"Item": there} if there else {}
        wanted = content.get("ReturnValues", "NONE")
        if wanted not in {"NONE", "ALL_OLD", "ALL_NEW"}:
            raise ExpressionError(f"ReturnValues {wanted} is not known")
        names = content.get("ExpressionAttributeNames", {})
        values = content.get("ExpressionAttributeValues", {})
        condition = content.get("ConditionExpression")
        if condition and not holds(condition, there, names, values):
            refusal = _error("ConditionalCheckFailedException", "The conditional request failed")
            shown = content.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and there
            return 400, refusal | ({"Item": there} if shown else {})
        if name == "PutItem":
            after: Item = content["Item"]
        else:
            after = updated(content.get("UpdateExpression", ""), {KEY: key, **there}, names, values)
        table[key["S"]] = after
        returned = {"ALL_OLD": there, "ALL_NEW": after}.get(wanted)
        return 200, {"Attributes": returned} if returned else {}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"__type": f"com.amazonaws#{code}", "message": message}


class Connection(asyncio.Protocol):
    """One kept connection; requests come one after the other, each with a Content-Length."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._received = b""
        self._service = ""  # until the first call names it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - as for every TCP server
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer whatever is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._answer(headers.get("x-amz-target"), body)

    def _answer(self, target: str | None, body: bytes) -> None:
        status, content = self._answer_to(target, body) if target else (200, self._services.count())
        text = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(text)}\r\n\r\n"
        self._transport.write(head.encode() + text)

    def _answer_to(self, target: str, body: bytes) -> Answer:
        if not self._service:
            self._service = target.partition("_")[0].partition(".")[0]
            self._services.connections[self._service] += 1
        return self._services.answer(target, body)


async def serve(secret: str) -> None:
    """Serve on a free port, whose URL is the first line of output, until killed."""
    services = Services(secret)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(services), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(os.environ["STUB_SECRET"]))
