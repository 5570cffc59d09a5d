"""The functions work with the oldest AWS SDK that a runtime may bring, and with the newest: the layer brings urllib3.

Lambda decides when a runtime gets a newer botocore, and the layer brings urllib3 without it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.environment import Environment, emulated_account, running_vendor
from sandbox import REPOSITORY
from sandbox.aws.emulator import running_emulator
from tests.locks.pins import LAYER, pins

OLDEST = REPOSITORY / ".oldest" / "bin" / "python"
SDKS = {"oldest": (OLDEST, "requirements-oldest.txt"), "newest": (Path(sys.executable), "requirements-dev.txt")}

# A request by HTTP, the same again, and a batch of a request and a message to be parked; then what AWS was called with.
PROGRAM = """
import json, re, sys
import botocore, urllib3
from botocore.httpsession import URLLib3Session
from benchmarks.invocations import Context, http_event, sqs_event

called = set()
send = URLLib3Session.send

def noted(self, request):
    authorization, agent = (str(request.headers[name], "ascii") for name in ("Authorization", "User-Agent"))
    called.add((re.search("/([a-z]+)/aws4_request", authorization)[1], agent.split()[0]))  # Powertools adds to an agent
    return send(self, request)

URLLib3Session.send = noted
import http_api, queue_worker

event = http_event()
answers = [http_api.handler(event, Context(28_000)) for _ in range(2)]
batch = sqs_event(2)
batch["Records"][1]["body"] = "no JSON"
shown = {
    "botocore": botocore.__version__,
    "urllib3": urllib3.__version__,
    "answers": [[answer["statusCode"], answer["headers"].get("Idempotent-Replayed")] for answer in answers],
    "batch": queue_worker.handler(batch, Context(60_000)),
    "called": sorted(called),
}
print(json.dumps(shown), file=sys.stderr)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OLDEST.exists(), reason="`make test-all` makes .oldest from its lock"),
]


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with running_vendor() as vendor, running_emulator() as emulator:
        yield Environment(vendor, emulated_account(emulator, vendor.secret))


def shown_by(python: Path, environment: Environment) -> Any:
    """Run the program with an interpreter's SDK, as the queue worker, whose variables are all that there are."""
    process = subprocess.run(
        [python, "-c", PROGRAM],
        env=environment.variables("queue_worker"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stderr.splitlines()[-1])


@pytest.mark.parametrize("age", SDKS)
def test_both_functions_create_a_link_with_each_supported_sdk(age: str, environment: Environment) -> None:
    python, lock = SDKS[age]
    versions, shipped = pins(REPOSITORY / lock), pins(LAYER)

    assert shown_by(python, environment) == {
        "botocore": versions["botocore"],
        "urllib3": shipped["urllib3"],
        "answers": [[200, None], [200, "true"]],
        "batch": {"batchItemFailures": []},
        "called": [["dynamodb", "personal-link"], ["secretsmanager", "personal-link"], ["sqs", "personal-link"]],
    }
