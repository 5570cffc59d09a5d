"""Ask CustomerGauge to anonymise a contact: its call POST Anonymize Contact, article 5000897828 of its support site.

The page documents host, path, token and a JSON body with `email`. What it answers is not known: any 2xx counts as
accepted. It names the parameter of a phone number in two ways, so only e-mail addresses are sent.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from operate.check.vendor import APIS, LIMIT, Finding, Receiver, Vendor, host_of, settings_of
from operate.stack import Stack
from personal_link.customergauge.access_token import AccessToken
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import RequestError

PATH: Final = "/v6/system-admin/data-admin/contacts/anonymize"


@dataclass(frozen=True, slots=True, repr=False)
class Anonymiser:
    """The call, with the credentials of a stack."""

    vendor: Vendor
    base_url: str
    _tokens: list[AccessToken] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Return the anonymiser of a stack; send nothing yet."""
        settings = settings_of(stack)
        base_url = settings.imports_base_url
        return cls(Vendor.of(stack, settings), APIS.get(base_url, base_url))

    @property
    def receivers(self) -> list[Receiver]:
        """Who gets what."""
        return [
            Receiver("token server", self.vendor.settings.auth_base_url, "the client secret"),
            Receiver("API", self.base_url, "an access token and the e-mail addresses"),
        ]

    def fetch_token(self) -> Finding:
        """Fetch the token of the calls."""

        def fetch() -> str:
            self._tokens.append(self.vendor.fetch_token())
            return "issues a token"

        return self.vendor.finding(f"Token server {host_of(self.vendor.settings.auth_base_url)}", fetch)

    def anonymise(self, emails: Sequence[str]) -> Iterator[Finding]:
        """Ask for each address; yield the findings. Addresses are numbered, because they are personal data."""
        for number, email in enumerate(emails, 1):
            step = f"Anonymise address {number} at {host_of(self.base_url)}"
            try:
                status = self._ask(email)
            except RequestError as error:
                yield self.vendor.failure(step, error)
            else:
                yield _finding(step, status)

    def _ask(self, email: str) -> int:
        answer = self.vendor.transport.request(
            "POST",
            f"{self.base_url}{PATH}",
            headers={
                "Authorization": f"Bearer {self._tokens[-1].value}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=json.dumps({"email": email}).encode(),
            deadline=Deadline.after(LIMIT, SystemClock()),
        )
        return answer.status


def _finding(step: str, status: int) -> Finding:
    said = f"CustomerGauge answered HTTP {status}"
    match status // 100:
        case 2:
            return Finding(step, "ok", f"accepted (HTTP {status})")
        case 3:
            do = "Compare ImportsBaseUrl with the address of CustomerGauge's API."
            return Finding(step, "bad", f"{said}, a redirect, which is not followed", do)
        case _ if status == 429 or status // 100 == 5:
            return Finding(step, "bad", said, "Try again later.")
        case _:
            return Finding(step, "bad", said, "CustomerGauge refused this call: do it in CustomerGauge itself.")
