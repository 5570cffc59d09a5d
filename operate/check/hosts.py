"""Ask before something secret or personal goes to a host that is not CustomerGauge's."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from operate.terminal.failures import WrongCall
from operate.terminal.masking import printable
from operate.terminal.screen import ask
from personal_link.settings import REGIONS, token_server

# Of the API: the host of imports, and the host of the calls that no import is.
APIS: Final = {
    f"https://imports.api.{region}.customergauge.com": f"https://api.{region}.customergauge.com" for region in REGIONS
}
_OWN: Final = {*map(token_server, REGIONS), *APIS.keys(), *APIS.values()}


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
