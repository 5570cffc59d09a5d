"""Check the credentials and the connection to CustomerGauge from this machine, with the package's own client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
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
_WHAT_TO_DO: Final = {
    Code.CREDENTIALS_MISSING: "aws secretsmanager put-secret-value, as in README.md",
    Code.CREDENTIALS_REFUSED: "compare the secret with the Connected App in CustomerGauge",
    Code.RATE_LIMITED: "wait a minute",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of the check."""

    step: str
    is_good: bool | None  # None without permission to check
    said: str


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
        return "is readable and filled in"

    def fetch_token() -> str:
        vendor = CustomerGauge(
            transport, clock, auth_base_url=settings.auth_base_url, imports_base_url=settings.imports_base_url
        )
        token = vendor.fetch_token(credentials[0], Deadline.after(LIMIT, clock))
        return f"issues a token for {token.life:.0f} s, which is discarded"

    yield (first := _finding(stack.account, "The secret", read))
    if first.is_good:
        yield _finding(stack.account, f"The token server {_host(settings.auth_base_url)}", fetch_token)
    yield _finding(stack.account, f"The API {_host(settings.imports_base_url)}", lambda: _reach(transport, settings))


def _reach(transport: Transport, settings: Settings) -> str:
    """Send HEAD to the host's root: any answer is good, and none makes a survey record."""
    deadline = Deadline.after(LIMIT, SystemClock())
    answer = transport.request("HEAD", f"{settings.imports_base_url}/", headers={}, body=b"", deadline=deadline)
    how = "by TLS" if settings.imports_base_url.startswith("https:") else "without TLS, as on this machine"
    return f"answers {how} (HTTP {answer.status})"


def _finding(account: Account, step: str, take: Callable[[], str]) -> Finding:
    try:
        return Finding(step, is_good=True, said=take())
    except RequestError as error:
        if account.refused:
            return Finding(step, is_good=None, said=f"not allowed: {account.refused[-1]}")
        advice = _WHAT_TO_DO.get(error.code, "look at the network between here and there")
        return Finding(step, is_good=False, said=f"{error.message.rstrip('.')}: {advice}")


def _host(url: str) -> str:
    return urlsplit(url).netloc
