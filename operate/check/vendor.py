"""Check the credentials and the connection to CustomerGauge from this machine, with the package's own client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from operate.stack import Account, Stack
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, RequestError
from personal_link.settings import REGIONS, Settings, load_settings, token_server

if TYPE_CHECKING:
    from personal_link.customergauge.credentials import ClientCredentials

LIMIT: Final = 15.0  # seconds for each step


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of the check."""

    step: str
    state: Literal["ok", "bad", "not allowed"]
    said: str
    do: str = ""


def settings_of(stack: Stack) -> Settings:
    """Return the settings of the worker's live version."""
    return load_settings(stack.environment())


def foreign_host(settings: Settings) -> str | None:
    """Return the host that gets the client secret if it is not CustomerGauge's."""
    host = urlsplit(settings.auth_base_url)
    return None if settings.auth_base_url in {token_server(region) for region in REGIONS} else host.netloc


def findings(stack: Stack, settings: Settings) -> Iterator[Finding]:
    """Yield the finding of each step; leave out the steps after a failed one that need it."""
    clock = SystemClock()
    transport = Transport(clock)
    secret = CredentialsSecret(stack.account.client("secretsmanager"), settings.credentials_secret_arn, clock)
    credentials: list[ClientCredentials] = []

    def read() -> str:
        credentials.append(secret.get())
        return "readable and filled in"

    def fetch_token() -> str:
        vendor = CustomerGauge(
            transport, clock, auth_base_url=settings.auth_base_url, imports_base_url=settings.imports_base_url
        )
        token = vendor.fetch_token(credentials[0], Deadline.after(LIMIT, clock))
        return f"issues a token for {token.life:.0f} s, which is discarded"

    fill_in = _fill_in(stack, settings.credentials_secret_arn)
    yield (first := _finding(stack.account, "Secret", read, fill_in))
    if first.state == "ok":
        yield _finding(stack.account, f"Token server {_host(settings.auth_base_url)}", fetch_token, fill_in)
    yield _finding(stack.account, f"API {_host(settings.imports_base_url)}", lambda: _reach(transport, settings))


def _reach(transport: Transport, settings: Settings) -> str:
    """Send HEAD to the host's root: any answer is good, and none makes a survey record."""
    deadline = Deadline.after(LIMIT, SystemClock())
    answer = transport.request("HEAD", f"{settings.imports_base_url}/", headers={}, body=b"", deadline=deadline)
    how = "by TLS" if settings.imports_base_url.startswith("https:") else "without TLS, as on this machine"
    return f"answers {how} (HTTP {answer.status})"


def _finding(account: Account, step: str, take: Callable[[], str], fill_in: str = "") -> Finding:
    try:
        return Finding(step, "ok", take())
    except RequestError as error:
        if account.refused:
            return Finding(step, "not allowed", f"not allowed: {account.refused[-1]}")
        return Finding(step, "bad", error.message.rstrip("."), _advice(error, fill_in))


def _advice(error: RequestError, fill_in: str) -> str:
    match error.code:
        case Code.CREDENTIALS_MISSING:
            return fill_in
        case Code.CREDENTIALS_REFUSED:
            return f"Compare the secret with the Connected App in CustomerGauge, then:\n{fill_in}"
        case Code.RATE_LIMITED:
            return "Wait a minute."
        case Code.UNAVAILABLE if "answered" in error.message:
            return "CustomerGauge fails: wait. Requests are retried meanwhile."
        case _:
            return "Look at the network between here and there."


def _fill_in(stack: Stack, secret: str) -> str:
    """Return the line that fills in the secret, and what to type."""
    command = f"aws secretsmanager put-secret-value --region {stack.region} --secret-id {secret}"
    typed = 'Type {"client_id": "…", "client_secret": "…"} of your Connected App, then Ctrl-D.'
    return f"{command} --secret-string file:///dev/stdin\n{typed}"


def _host(url: str) -> str:
    return urlsplit(url).netloc
