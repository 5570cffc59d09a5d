"""A plain HTTP client for the tests of the sandbox itself."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.customergauge.server import CustomerGaugeSandbox

MAPPING = "9dd58237-c913-4073-9c76-07da0b49ff50"
FORM = "application/x-www-form-urlencoded"
JOE = {"Email": "joe.doe@example.com", "First Name": "Joe"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection to the sandbox, holding a token once asked."""

    def __init__(self, vendor: CustomerGaugeSandbox) -> None:
        self.vendor = vendor
        self.wire = http.client.HTTPConnection("127.0.0.1", vendor.port, timeout=5)
        self.access_token: str | None = None

    def send(self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Answer:
        self.wire.request(method, path, body, dict(headers or {}))
        response = self.wire.getresponse()
        return Answer(response.status, response.headers, response.read())

    def ask_token(self, **changes: str) -> Answer:
        credentials = {"client_id": self.vendor.client_id, "client_secret": self.vendor.client_secret}
        form = {"grant_type": "client_credentials", **credentials, **changes}
        return self.send("POST", "/oauth2/token", urlencode(form), {"Content-Type": FORM})

    def headers(self, content_type: str = "application/json", accept: str = "application/json") -> dict[str, str]:
        if self.access_token is None:
            self.access_token = self.ask_token().json["access_token"]
        return {
            "Authorization": f"Bearer {self.access_token}",
            "Content-Type": content_type,
            "Accept": accept,
        }

    def put(self, record: object, configuration: object = MAPPING) -> Answer:
        body = json.dumps({"configuration": configuration, "record": record})
        return self.send("PUT", "/personal-link/", body, self.headers())
