"""Check credentials and connection with the package's own client; ask before a secret goes to another host."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from operate.stack import Stack
from operate.terminal.failures import WrongCall
from operate.terminal.masking import printable
from operate.terminal.screen import ask
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, OutcomeUnknown, RequestError
from personal_link.settings import REGIONS, Settings, load_settings, token_server

LIMIT: Final = 15.0  # seconds for each step
# Without a contact CustomerGauge makes no record. An empty record may be refused before the mapping is looked up.
NO_CONTACT: Final = {"Email": None, "Phone": None}

# Of the API: the host of imports, and the host of the calls that no import is.
APIS: Final = {
    f"https://imports.api.{region}.customergauge.com": f"https://api.{region}.customergauge.com" for region in REGIONS
}
_OWN: Final = {*map(token_server, REGIONS), *APIS.keys(), *APIS.values()}
_ADVICE: Final = {
    Code.RATE_LIMITED: "Wait a minute.",
    Code.FORBIDDEN: "Give the Connected App the permission for personal links.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of the check."""

    step: str
    state: Literal["ok", "bad", "not allowed", "not known"]
    said: str
    do: str = ""


def settings_of(stack: Stack) -> Settings:
    """Return the settings of the worker's live version."""
    return load_settings(stack.environment())


@dataclass(frozen=True, slots=True, repr=False)
class Vendor:
    """CustomerGauge, as the functions reach it, but from this machine."""

    stack: Stack
    settings: Settings
    secret: CredentialsSecret
    transport: Transport
    client: CustomerGauge

    @classmethod
    def of(cls, stack: Stack, settings: Settings) -> Self:
        """Return the CustomerGauge of a stack."""
        clock = SystemClock()
        transport = Transport(clock)
        client = CustomerGauge(
            transport, clock, auth_base_url=settings.auth_base_url, imports_base_url=settings.imports_base_url
        )
        secret = CredentialsSecret(stack.account.client("secretsmanager"), settings.credentials_secret_arn, clock)
        return cls(stack, settings, secret, transport, client)

    def findings(self, configuration: str | None = None) -> Iterator[Finding]:
        """Yield the finding of each step; leave out the steps after a failed one that need it."""
        tokens: list[AccessToken] = []

        def read() -> str:
            self.secret.get()
            return "readable and filled in"

        def fetch_token() -> str:
            tokens.append(self.fetch_token())
            return f"issues a token for {tokens[0].life:.0f} s, which is discarded"

        yield (first := self.finding("Secret", read))
        if first.state == "ok":
            yield self.finding(f"Token server {host_of(self.settings.auth_base_url)}", fetch_token)
        yield self.finding(f"API {host_of(self.settings.imports_base_url)}", self._reach)
        if configuration is not None and tokens:
            yield self._mapping(configuration, tokens[0])

    def fetch_token(self) -> AccessToken:
        """Return a new access token."""
        return self.client.fetch_token(self.secret.get(), Deadline.after(LIMIT, SystemClock()))

    def finding(self, step: str, take: Callable[[], str]) -> Finding:
        """Take a step and return its finding."""
        try:
            return Finding(step, "ok", take())
        except RequestError as error:
            return self.failure(step, error)

    def failure(self, step: str, error: RequestError) -> Finding:
        """Return the finding of a failed step."""
        if self.stack.account.refused:
            return Finding(step, "not allowed", f"not allowed: {self.stack.account.refused[-1]}")
        return Finding(step, "bad", error.message.rstrip("."), _advice(error, self._fill_in()))

    def _reach(self) -> str:
        """Send HEAD to the host's root: any answer is good, and none makes a survey record."""
        base, deadline = self.settings.imports_base_url, Deadline.after(LIMIT, SystemClock())
        answer = self.transport.request("HEAD", f"{base}/", headers={}, body=b"", deadline=deadline)
        how = "by TLS" if base.startswith("https:") else "without TLS, as on this machine"
        return f"answers {how} (HTTP {answer.status})"

    def _mapping(self, configuration: str, token: AccessToken) -> Finding:
        """Ask for a link without a contact, which CustomerGauge refuses with what is wrong first."""
        step, deadline = f"Inbound mapping {printable(configuration)}", Deadline.after(LIMIT, SystemClock())
        try:
            self.client.create_personal_link(configuration, NO_CONTACT, token, deadline)
        except OutcomeUnknown:
            pass  # a 2xx
        except RequestError as error:
            return _mapping_finding(step, error)
        made = "CustomerGauge accepted a record without a contact, against its own page"
        return Finding(step, "bad", made, "Find it in the Request History and delete it.")

    def _fill_in(self) -> str:
        """Return the line that fills in the secret, and what to type."""
        where = f"--region {self.stack.region} --secret-id {self.settings.credentials_secret_arn}"
        typed = 'Type {"client_id": "…", "client_secret": "…"} of your Connected App, then Ctrl-D.'
        return f"aws secretsmanager put-secret-value {where} --secret-string file:///dev/stdin\n{typed}"


def _mapping_finding(step: str, error: RequestError) -> Finding:
    """Return what a refusal says of the inbound mapping. Its `errors` name fields; their texts are not shown."""
    fields = [printable(field) for field in error.errors if field != "record"]
    match error.code:
        case Code.MAPPING_NOT_FOUND:
            do = "Compare it with Data → Rest APIs → Inbound Mapping, column Reference, in CustomerGauge."
            return Finding(step, "bad", "there is none with this reference", do)
        case Code.VALIDATION_FAILED if "configuration" in fields:
            do = "Make one of the data type Multi-Object or Survey Data in CustomerGauge."
            return Finding(step, "bad", "refused: its data type is not Multi-Object or Survey Data", do)
        case Code.VALIDATION_FAILED if fields:
            return Finding(step, "ok", f"there, of a right type; a request without a contact lacks {', '.join(fields)}")
        case Code.CREDENTIALS_REFUSED:
            do = "Compare CustomerGaugeRegion with the region of the Connected App."
            return Finding(step, "bad", error.message, do)
        case Code.UNAVAILABLE | Code.NO_ANSWER | Code.RATE_LIMITED | Code.FORBIDDEN:
            return Finding(step, "bad", error.message, _advice(error, ""))
        case _:
            said = f"CustomerGauge refused a request without a contact ({error.code}) and named no field"
            return Finding(step, "not known", said, "Send a request: operate send shows its outcome.")


def _advice(error: RequestError, fill_in: str) -> str:
    match error.code:
        case Code.CREDENTIALS_MISSING:
            return fill_in
        case Code.CREDENTIALS_REFUSED:
            return f"Compare the secret with the Connected App in CustomerGauge, then:\n{fill_in}"
        case Code.UNAVAILABLE if "answered" in error.message:
            return "CustomerGauge fails: wait. Requests are retried meanwhile."
        case code:
            return _ADVICE.get(code, "Look at the network between here and there.")


@dataclass(frozen=True, slots=True)
class Receiver:
    """A base URL, and what it would get."""

    name: str
    base_url: str
    gets: str


def confirm(receivers: Iterable[Receiver], *, option: str, as_json: bool) -> None:
    """Ask about each receiver that is not CustomerGauge's. Raises Abort for a no, WrongCall if nobody can answer."""
    for one in receivers:
        if one.base_url not in _OWN:
            if as_json:
                raise WrongCall(f"--json cannot ask before {one.gets} goes to another host: add {option}.")
            host = printable(host_of(one.base_url))
            ask(f"The {one.name} {host} is not CustomerGauge's. Send it {one.gets}?", option, err=True)


def host_of(url: str) -> str:
    """Return the host and port of a URL."""
    return urlsplit(url).netloc
