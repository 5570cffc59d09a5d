"""Control the sandbox from another process: `benchmarks` sets the latency and counts the calls.

GET  /_sandbox/calls             number of calls of each endpoint and of links
POST /_sandbox/latency           {"seconds": 0.2}, for every answer of both endpoints

Calls from a browser's page are refused.
"""

import json
from collections.abc import Sequence
from typing import Literal, Protocol

from sandbox.customergauge.call import Call
from sandbox.customergauge.log import Endpoint
from sandbox.customergauge.replies import Reply

CONTROL_PATH = "/_sandbox/"

DuplicateRule = Literal["off", "global", "campaign"]


class Controllable(Protocol):
    """The parts of the sandbox that can be controlled."""

    latency: float

    @property
    def port(self) -> int: ...
    @property
    def links(self) -> Sequence[object]: ...
    def calls(self, endpoint: Endpoint) -> Sequence[Call]: ...


def control(vendor: Controllable, call: Call) -> Reply:
    """Answer a call under /_sandbox/."""
    if not _is_from_a_program(call, vendor.port):
        return Reply.error(403, "Only a program on this machine may control the sandbox.")
    match call.method, call.path.removeprefix(CONTROL_PATH):
        case "GET", "calls":
            counts = {name: {"count": len(vendor.calls(name))} for name in ("token", "personal-link")}
            return Reply(200, {**counts, "links": len(vendor.links)})
        case "POST", "latency":
            vendor.latency = float(json.loads(call.body)["seconds"])
            return Reply(200, {"seconds": vendor.latency})
    return Reply.error(404)


def _is_from_a_program(call: Call, port: int) -> bool:
    """Tell whether a program sent the call: a page of another site has an Origin header or a foreign Host."""
    return "Origin" not in call.headers and call.headers["Host"] in {f"127.0.0.1:{port}", f"localhost:{port}"}
