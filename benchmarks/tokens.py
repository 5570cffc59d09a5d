"""How many tokens the vendor's token server has to give when fifty environments start at once.

Fifty processes, each with everything imported and every client built, get their first message at the same moment. The
ledger is the emulator's DynamoDB; CustomerGauge takes so long for a token that all of them want one before it is there.
"""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from benchmarks import measured
from benchmarks.figures import Figure, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.stage import Stage, running_vendor
from sandbox.emulator import Emulator, running_emulator

ENVIRONMENTS = 50
RUNS = 3
LATENCY = 0.3  # seconds in which the vendor answers
LIMIT = 2


def measure() -> Measurement:
    """Start fifty environments several times, with and without the shared token."""
    shared = [_tokens("true") for _ in range(RUNS)]
    unshared = _tokens("false")
    return Measurement(
        name="tokens",
        title="Tokens for 50 environments started at once",
        rows=[
            Row("tokens, shared through the ledger", "", Spread.of(shared)),
            Row("tokens, each environment its own", "", Spread.exactly(unshared)),
        ],
        figures=[
            Figure("tokens for 50 environments, median", 1, Spread.of(shared).median),
            Figure("tokens for 50 environments, at most", LIMIT, max(shared)),
        ],
        notes=[
            "A token takes 300 ms, and every environment has all its clients when it is told to go: the worst case."
        ],
    )


@dataclass(frozen=True)
class EmulatedAccount:
    """As much of an account on the emulator as the queue worker calls."""

    environment: Mapping[str, str]
    places: Mapping[str, str]

    @classmethod
    def create(cls, emulator: Emulator, secret: str) -> Self:
        """Make the ledger's table, the queues and the secrets."""
        sqs = emulator.client("sqs")
        emulator.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        secrets = emulator.client("secretsmanager")
        credentials = secrets.create_secret(Name="credentials", SecretString=secret)["ARN"]
        token = secrets.create_secret(Name="access-token", SecretString="{}")["ARN"]
        names = ("REQUESTS", "PARKED", "RESULTS")
        queues = {f"{name}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
        arns = {"CREDENTIALS_SECRET_ARN": credentials, "ACCESS_TOKEN_SECRET_ARN": token}
        places = {"LEDGER_TABLE": "ledger", **arns, **queues}
        return cls(emulator.environment(), places)


def _tokens(share: str) -> int:
    with running_vendor() as vendor, running_emulator() as emulator, ExitStack() as ending:
        stage = Stage(vendor, EmulatedAccount.create(emulator, vendor.secret))
        environments = [ending.enter_context(_environment(stage, share)) for _ in range(ENVIRONMENTS)]
        vendor.answer_after(LATENCY)
        _let_go(environments)
        vendor.expect_records(ENVIRONMENTS)
        return vendor.tokens().calls


def _environment(stage: Stage[EmulatedAccount], share: str) -> subprocess.Popen[str]:
    return stage.started("queue_worker", measured.work_first_message, ShareAccessToken=share)


def _let_go(environments: Sequence[subprocess.Popen[str]]) -> None:
    for environment in environments:
        if environment.stdout is None or environment.stdout.readline() != '"ready"\n':
            raise RuntimeError("an environment did not get ready; what it said is above")
    for environment in environments:
        if environment.stdin:
            environment.stdin.write("go\n")
            environment.stdin.flush()
    for environment in environments:
        environment.communicate()
        if environment.returncode:
            raise RuntimeError("an environment failed; what it said is above")


if __name__ == "__main__":
    show(measure())
