"""Ask CustomerGauge to anonymise a contact: its call POST Anonymize Contact, article 5000897828 of its support site.

The page documents host, path, token and a JSON body with `email`. What it answers is not known: any 2xx counts as
accepted. It names the parameter of a phone number in two ways, so only e-mail addresses are sent.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from operate.check.vendor import LIMIT, Finding, Vendor, host_of, settings_of
from operate.stack import Stack
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, Refused
from personal_link.settings import REGIONS

if TYPE_CHECKING:
    from personal_link.customergauge.access_token import AccessToken

PATH: Final = "/v6/system-admin/data-admin/contacts/anonymize"
_HOSTS: Final = {
    f"https://imports.api.{one}.customergauge.com": f"https://api.{one}.customergauge.com" for one in REGIONS
}


def anonymise(stack: Stack, emails: Sequence[str]) -> list[Finding]:
    """Ask for each address; return the findings. Addresses are numbered, because they are personal data."""
    settings = settings_of(stack)
    vendor = Vendor.of(stack, settings)
    base = _HOSTS.get(settings.imports_base_url, settings.imports_base_url)
    tokens: list[AccessToken] = []

    def fetch_token() -> str:
        tokens.append(vendor.fetch_token())
        return "issues a token"

    def ask(email: str) -> str:
        answer = vendor.transport.request(
            "POST",
            f"{base}{PATH}",
            headers={
                "Authorization": f"Bearer {tokens[0].value}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=json.dumps({"email": email}).encode(),
            deadline=Deadline.after(LIMIT, SystemClock()),
        )
        if not 200 <= answer.status < 300:
            raise Refused(Code.BAD_REQUEST, f"CustomerGauge answered HTTP {answer.status}")
        return f"accepted (HTTP {answer.status})"

    first = vendor.finding(f"Token server {host_of(settings.auth_base_url)}", fetch_token)
    return [first] + [
        vendor.finding(f"Anonymise address {number} at {host_of(base)}", partial(ask, email))
        for number, email in enumerate(emails, 1)
        if tokens
    ]
