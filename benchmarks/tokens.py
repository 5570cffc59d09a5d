"""How many tokens the vendor's token server has to give when fifty environments start at once.

Fifty processes, each with everything imported and every client built, get their first message at the same moment. The
ledger is the emulator's DynamoDB; CustomerGauge takes so long for a token that all of them want one before it is there.
"""

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import measured
from benchmarks.figures import Figure, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.stage import Stage, set_stage

ENVIRONMENTS = 50
RUNS = 5
RUNS_UNSHARED = 2
LATENCY = 0.3  # seconds in which the vendor answers
LIMIT = 2


def measure() -> Measurement:
    """Start fifty environments several times, with and without the shared token."""
    shared = [_tokens("true") for _ in range(RUNS)]
    unshared = [_tokens("false") for _ in range(RUNS_UNSHARED)]
    return Measurement(
        name="tokens",
        title="Tokens for 50 environments started at once",
        rows=[
            Row("tokens, shared through the ledger", "", Spread.of(shared)),
            Row("tokens, each environment its own", "", Spread.of(unshared)),
        ],
        figures=[
            Figure("tokens for 50 environments, median", 1, Spread.of(shared).median),
            Figure("tokens for 50 environments, at most", LIMIT, max(shared)),
        ],
        notes=["CustomerGauge takes 300 ms for an answer; every environment has all clients built when it is told to go."],
    )


def _tokens(share: str) -> int:
    with set_stage() as stage, ExitStack() as ending:
        environments = [ending.enter_context(_environment(stage, share)) for _ in range(ENVIRONMENTS)]
        stage.vendor.answer_after(LATENCY)
        _let_go(environments)
        if stage.vendor.links().calls != ENVIRONMENTS:
            raise RuntimeError(f"{stage.vendor.links().calls} of {ENVIRONMENTS} environments reached the vendor")
        return stage.vendor.tokens().calls


def _environment(stage: Stage, share: str) -> subprocess.Popen[str]:
    return stage.started("queue_worker", measured.work_first_message, SHARE_ACCESS_TOKEN=share)


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
