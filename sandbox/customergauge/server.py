"""A sandbox CustomerGauge: the token endpoint, PUT Personal Link and POST Anonymize Contact over real HTTP.

    with CustomerGaugeSandbox() as vendor:
        vendor.base_url, vendor.client_id, vendor.client_secret
        vendor.script("personal-link", Reply.error(503, retry_after=2), Reply(fault="reset", commit=True))
        ...
        assert len(vendor.calls("token")) == 1

It gives the documented answers: unknown configuration, missing or invalid Email and Phone, no campaign, and the second
record of a contact while `duplicate_rule` is on. `script` makes the next calls fail; `misbehave` every call, which
follows fault_switches.py unless it is set. Some example e-mails get a documented refusal (replies.py).
"""

import itertools
import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self, get_args

from sandbox.customergauge import replies, rules, survey_page
from sandbox.customergauge.call import ANONYMIZE_PATH, PERSONAL_LINK_PATH, TOKEN_PATH, Call
from sandbox.customergauge.fault_switches import FaultSwitches
from sandbox.customergauge.log import CallLog, Endpoint, Exchange
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.wire import VendorServer

__all__ = ["TOKEN_PATH", "Call", "CustomerGaugeSandbox", "DuplicateRule", "Endpoint", "PersonalLink", "Reply"]

DuplicateRule = Literal["off", "global", "campaign"]
Misbehave = Callable[[Call], Reply | None]  # the reply to a call without a script; None serves it as usual

CONFIGURATIONS = frozenset({"9dd58237-c913-4073-9c76-07da0b49ff50", "contact"})
WRONG_DATA_TYPES = frozenset({"activities"})
FIRST_NUMBER = 12345
DUPLICATES = {"global": replies.GLOBAL_DUPLICATE, "campaign": replies.DUPLICATE}


@dataclass(frozen=True)
class PersonalLink:
    """A survey record, also one whose answer was lost. `record` is the record as the vendor read it."""

    number_customergauge: int
    survey_link: str = field(repr=False)
    survey_link_short: str = field(repr=False)
    configuration: str
    record: Mapping[str, object] = field(repr=False)


class CustomerGaugeSandbox:
    """A CustomerGauge on a loopback port. It keeps its port and its state when it is stopped and started again."""

    def __init__(
        self,
        *,
        port: int = 0,
        client_id: str = "sandbox-client",
        client_secret: str | None = None,
        token_lifetime: float = 3600,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.client_id = client_id
        self.token_lifetime = token_lifetime
        self._first_secret = client_secret or f"sandbox-{secrets.token_urlsafe(24)}"
        self._port = port
        self._tls = tls
        self._server: VendorServer | None = None
        self._numbering = itertools.count(1)
        self._lock = threading.RLock()
        self._log = CallLog()
        self.faults = FaultSwitches()
        self.reset()

    def reset(self) -> None:
        """Reset calls, scripts, faults, latency, tokens, links, contacts, duplicate rule and secret."""
        with self._lock:
            self.client_secret = self._first_secret
            self.duplicate_rule: DuplicateRule = "off"
            self.misbehave: Misbehave = self.faults
            self.latency = 0.0
            self.faults.clear()
            self._log.clear()
            self._scripts: dict[Endpoint, deque[Reply]] = {name: deque() for name in get_args(Endpoint)}
            self._tokens: dict[str, float] = {}
            self._links: dict[str, PersonalLink] = {}
            self._contacts: set[str] = set()

    def start(self) -> Self:
        """Serve until stop()."""
        if self._server is None:
            self._server = VendorServer(self._port, self._answer, self._numbering, self._tls, self._log.sent)
            self._port = self._server.port
            self._server.start()
        return self

    def stop(self) -> None:
        """Close all connections, also delayed and hanging ones; keep the state."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port; 0 before the first start if none was given."""
        return self._port

    @property
    def base_url(self) -> str:
        """Base of both the token endpoint and the API."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def links(self) -> list[PersonalLink]:
        """The survey records made so far, oldest first: the vendor's Request History."""
        with self._lock:
            return list(self._links.values())

    def calls(self, endpoint: Endpoint) -> list[Call]:
        """List the calls to an endpoint, oldest first."""
        return self._log.calls(endpoint)

    def exchanges(self) -> list[Exchange]:
        """List the calls to both endpoints with their answers, oldest first."""
        return self._log.exchanges()

    def script(self, endpoint: Endpoint, *script: Reply) -> None:
        """Answer the next calls to an endpoint with these replies, then serve as usual."""
        with self._lock:
            self._scripts[endpoint].extend(script)

    def revoke_tokens(self) -> None:
        """Refuse all tokens issued so far."""
        with self._lock:
            self._tokens.clear()

    def rotate_secret(self, client_secret: str) -> None:
        """Accept only this client secret; keep the tokens issued so far valid."""
        with self._lock:
            self.client_secret = client_secret

    def _answer(self, call: Call) -> Reply:
        path, _, query = call.path.partition("?")
        with self._lock:
            if path == TOKEN_PATH:
                return self._serve("token", call, self._issue_token)
            if path == PERSONAL_LINK_PATH:
                return self._serve("personal-link", call, self._put_personal_link)
            if path == ANONYMIZE_PATH:
                return self._serve("anonymize", call, self._anonymize)
            if path + "/" == PERSONAL_LINK_PATH:
                self._log.begin("personal-link", call)
                location = self.base_url + PERSONAL_LINK_PATH
                return Reply.redirect(f"{location}?{query}" if query else location, 301)
            return survey_page.page(call.method, path, self._links)

    def _serve(self, endpoint: Endpoint, call: Call, serve: Callable[[Call], Reply]) -> Reply:
        self._log.begin(endpoint, call)
        script = self._scripts[endpoint]
        chosen = script.popleft() if script else self.misbehave(call)
        reply = chosen.instead_of(lambda: serve(call)) if chosen else serve(call)
        return replace(reply, delay=reply.delay + self.latency)

    def _issue_token(self, call: Call) -> Reply:
        refused = rules.token_refusal(call, self.client_id, self.client_secret)
        if refused:
            return refused
        token = f"sandbox-{secrets.token_urlsafe(48)}"
        self._tokens[token] = time.monotonic() + self.token_lifetime
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": int(self.token_lifetime)})

    def _put_personal_link(self, call: Call) -> Reply:
        if call.method != "PUT":
            return replies.wrong_verb(call.method)
        if self._tokens.get(rules.bearer(call.headers), 0.0) <= time.monotonic():
            return Reply.error(401)
        fields = rules.read_input(call.headers, call.body)
        refused = rules.record_refusal(fields, CONFIGURATIONS, WRONG_DATA_TYPES)
        if refused and refused.status == 422 and "json" not in call.headers.get("Accept", ""):
            return Reply.redirect(self.base_url)  # Laravel sends a browser back to its form
        if refused:
            return refused
        record = rules.record_of(fields)
        chosen = replies.CHOSEN_BY_EMAIL.get(record.get("Email"))
        return chosen or self._create_link(str(fields["configuration"]), record)

    def _anonymize(self, call: Call) -> Reply:
        if self._tokens.get(rules.bearer(call.headers), 0.0) <= time.monotonic():
            return Reply.error(401)
        email = rules.read_input(call.headers, call.body).get("email")
        self._links = {key: replace(one, record=rules.redacted(one.record, email)) for key, one in self._links.items()}
        return Reply(200, {})  # what the vendor answers is not known

    def _create_link(self, configuration: str, record: Mapping[str, object]) -> Reply:
        contacts = rules.contacts_of(record)
        if self.duplicate_rule != "off" and contacts & self._contacts:
            return DUPLICATES[self.duplicate_rule]
        self._contacts |= contacts
        key = secrets.token_hex(12)
        number = FIRST_NUMBER + len(self._links)
        link, short = f"{self.base_url}/r/{key}", f"{self.base_url}/s/{key}"
        self._links[key] = PersonalLink(number, link, short, configuration, record)
        return replies.created(number, link, short)
