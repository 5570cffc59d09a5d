"""The vendor's two endpoints: one method each, and the meaning of every status and body.

Source of the documented answers: CustomerGauge's page "PUT Personal Link API". For undocumented ones (401, 403, 429,
5xx, redirects) HTTP's own rules apply. No decision depends on words that Laravel may change or translate, except for
HTTP 400 and 404, whose kinds differ in their words only.
"""

import json
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NoReturn
from urllib.parse import urlencode

from personal_link import observability
from personal_link.customergauge.access_token import BEARER, AccessToken
from personal_link.customergauge.answers import is_a_firewalls, json_object, personal_link, refusal, token_life
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Response, Transport
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import (
    Blocked,
    Code,
    CredentialsRefused,
    InvalidRequest,
    NotProcessed,
    NotStarted,
    OutcomeUnknown,
    TryAgain,
    Unanswered,
    Unauthorized,
)
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import FORM, Scalar

Encoding = Literal["json", "form"]

TOKEN_LIMIT: Final = 5.0  # seconds for a token
LINK_LIMIT: Final = 10.0  # seconds for a link
MAX_RETRY_AFTER: Final = 12 * 3600.0  # seconds: the longest an SQS message can be hidden

# RFC 6749, section 5.2: the client's set-up is wrong, with any status.
_CLIENT_ERRORS: Final = frozenset(
    {"invalid_request", "invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type"}
)
_TEMPORARY: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


class CustomerGauge:
    """The vendor's API in one region."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        auth_base_url: str,
        imports_base_url: str,
        encoding: Encoding = "json",
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._token_url = f"{auth_base_url}/oauth2/token"
        self._link_url = f"{imports_base_url}/personal-link/"  # Laravel redirects without the last slash
        self._encoding = encoding
        # A link has to be https, unless the API itself is on loopback.
        self._plain_links_allowed = imports_base_url.startswith("http://")
        self._blocked: int | None = None  # hash of the last request refused by a firewall; None after any other answer

    def fetch_token(self, credentials: ClientCredentials, deadline: Deadline) -> AccessToken:
        """Return a new access token (POST /oauth2/token, client_credentials in a form body).

        Raises CredentialsRefused for a refused id or secret, otherwise NotProcessed: without a token nothing is sent.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        headers = {"Content-Type": FORM, "Accept": "application/json"}
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        observability.count_token_fetch()
        try:
            response = self._transport.request(
                "POST",
                self._token_url,
                headers=headers,
                body=urlencode(form).encode(),
                deadline=deadline.within(TOKEN_LIMIT),
            )
        except TryAgain as error:
            raise NotProcessed(Code.UNAVAILABLE, f"no access token: {error.message}") from None
        content = json_object(response) or {}
        value = _text(content.get("access_token"))
        is_usable = BEARER.fullmatch(value) and _text(content.get("token_type") or "Bearer").lower() == "bearer"
        if not _is_success(response) or (not is_usable and content.get("error")):
            self._refuse_token(response, content)
        if not is_usable:
            raise NotProcessed(Code.UNAVAILABLE, "the token server answered without a usable bearer token")
        return AccessToken(value, token_life(content.get("expires_in")), wall, monotonic)

    def create_personal_link(
        self, configuration: str, record: Mapping[str, Scalar], token: AccessToken, deadline: Deadline
    ) -> PersonalLink:
        """Return the survey link of a new record (PUT /personal-link/). Send one request and never repeat it.

        Raises Refused, OutcomeUnknown, Unauthorized, Blocked, NotProcessed or Unanswered; see `errors.py`.
        """
        content_type, body = self._encode(configuration, record)
        headers = {
            "Authorization": f"Bearer {token.value}",
            "Content-Type": content_type,
            "Accept": "application/json",  # without it Laravel turns errors into redirects
        }
        response = self._put(headers, body, deadline.within(LINK_LIMIT))
        if response.status == 403 and is_a_firewalls(response):
            self._refuse_blocked(hash(body))
        self._blocked = None
        if not _is_success(response):
            self._refuse_link(response, [*record.values(), token.value])
        return personal_link(response, plain_links_allowed=self._plain_links_allowed)

    def _put(self, headers: Mapping[str, str], body: bytes, deadline: Deadline) -> Response:
        """Send a request for a link; count its duration and its answer."""
        began = self._clock.monotonic()
        try:
            response = self._transport.request("PUT", self._link_url, headers=headers, body=body, deadline=deadline)
        except TryAgain as error:
            if not isinstance(error, NotStarted):
                observability.count_vendor_answer(None, self._clock.monotonic() - began)
            raise
        observability.count_vendor_answer(response.status, self._clock.monotonic() - began)
        return response

    def _encode(self, configuration: str, record: Mapping[str, Scalar]) -> tuple[str, bytes]:
        if self._encoding == "json":
            content = {"configuration": configuration, "record": record}
            return "application/json", json.dumps(content, ensure_ascii=False).encode()
        if any("[" in heading or "]" in heading for heading in record):
            problem = {"record": ["a heading with [ or ] cannot be sent as a form: set the encoding to json"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The request is not valid: see record.", errors=problem)
        fields = {f"record[{heading}]": _form_value(value) for heading, value in record.items()}
        return FORM, urlencode({"configuration": configuration, **fields}).encode()

    def _refuse_link(self, response: Response, sent: Sequence[Scalar]) -> NoReturn:
        status, content = response.status, json_object(response)
        answered = f"CustomerGauge answered HTTP {status}"
        match status:
            case 401:
                raise Unauthorized(Code.CREDENTIALS_REFUSED, f"{answered}: it refuses the access token")
            case 403:
                raise NotProcessed(Code.FORBIDDEN, f"{answered}: this client is not allowed to do this")
            case 429:
                raise NotProcessed(Code.RATE_LIMITED, answered, retry_after=self._retry_after(response))
            case 425:
                raise NotProcessed(Code.UNAVAILABLE, answered)
            case 503 if "retry-after" in response.headers:
                raise NotProcessed(Code.UNAVAILABLE, answered, retry_after=self._retry_after(response))
            case 400 if response.unreadable:  # perhaps a duplicate of an earlier attempt's record
                raise OutcomeUnknown(Code.BAD_RESPONSE, f"{answered}, which cannot be read")
            case 400 | 404 | 422 if content is None and _is_not_the_vendors(response):
                raise Unanswered(Code.NO_ANSWER, f"{answered}, cut short or by a proxy")
            case 408:
                raise Unanswered(Code.NO_ANSWER, answered, retry_after=self._retry_after(response))
            case _ if not 400 <= status < 500:  # a redirect, which is never followed, or a server error
                raise Unanswered(Code.UNAVAILABLE, answered, retry_after=self._retry_after(response))
            case _:
                raise refusal(status, content or {}, sent)

    def _refuse_blocked(self, request: int) -> NoReturn:
        answered = "a firewall in front of CustomerGauge answered HTTP 403"
        before, self._blocked = self._blocked, request
        if before in {None, request}:
            raise Blocked(Code.FORBIDDEN, f"{answered}: it refuses this record")
        raise NotProcessed(Code.FORBIDDEN, f"{answered}: it refuses every record")

    def _refuse_token(self, response: Response, content: Mapping[str, object]) -> NoReturn:
        status, error = response.status, _text(content.get("error")).lower()
        answered = f"the token server answered HTTP {status}"
        if status == 429:
            raise NotProcessed(Code.RATE_LIMITED, answered, retry_after=self._retry_after(response))
        if error == "invalid_client" or status == 401:
            raise CredentialsRefused(Code.CREDENTIALS_REFUSED, f"{answered}: it refuses the client id or secret")
        # AWS's own errors, such as a throttle, have a `__type`.
        is_an_answer = (error or _text(content.get("message"))) and "__type" not in content
        if error in _CLIENT_ERRORS or (status in {400, 403} and is_an_answer and error not in _TEMPORARY):
            raise NotProcessed(Code.CREDENTIALS_REFUSED, f"{answered}: it refuses this client")
        raise NotProcessed(Code.UNAVAILABLE, answered, retry_after=self._retry_after(response))

    def _retry_after(self, response: Response) -> float | None:
        """Return Retry-After (seconds or a date) in seconds, 0 to 12 hours; None if absent or invalid."""
        value = response.headers.get("retry-after", "")
        try:
            is_number = value.replace(".", "", 1).isdigit()
            seconds = float(value) if is_number else parsedate_to_datetime(value).timestamp() - self._clock.wall()
        except (ValueError, OverflowError):
            return None
        return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _form_value(value: Scalar) -> str:
    """Return a value as PHP writes it in forms: true is 1, false is 0, null is empty (Laravel reads empty as null)."""
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case _:
            return str(value)


def _is_not_the_vendors(response: Response) -> bool:
    """Tell whether an answer that is not JSON was cut short, or is a page of HTML: the API itself answers in JSON."""
    return not response.unreadable and (not response.complete or response.body.lstrip().startswith(b"<"))


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _text(value: object) -> str:
    """Return a text without surrounding blanks; an empty text for any other value."""
    return value.strip() if isinstance(value, str) else ""
