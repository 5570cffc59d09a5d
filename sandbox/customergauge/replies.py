"""The sandbox's replies: the documented answers, and the example e-mails that get a documented refusal."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from http import HTTPStatus
from typing import Literal, Self

Fault = Literal["reset", "close", "hang", "truncated", "no_length", "drip_body"]
UNANSWERED = frozenset({"reset", "close", "hang"})

LARAVEL_MESSAGES = {
    401: "Unauthenticated.",
    403: "This action is unauthorized.",
    413: "The POST data is too large.",
    429: "Too Many Attempts.",
    500: "Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Reply:
    """One answer, or one failure to answer.

    Without a `status` it is the normal answer, changed by `delay`, `headers` and `fault`: `Reply(delay=2)` is the
    normal answer two seconds late, `Reply(fault="truncated")` is half of it.

    status    HTTP status, or None for the normal answer
    body      bytes, text (HTML) or an object (JSON)
    headers   added to the headers of `body`, or replacing them
    delay     seconds before the answer
    fault     reset: RST once the request is read; close: end of stream instead of an answer;
              hang: no answer until the sandbox stops; truncated: the stream ends in the middle of the body;
              no_length: the body has no length and ends with the connection;
              drip_body: one byte of it each `interval` seconds
    hints     statuses from 100 to 199, sent before the answer
    commit    the survey record is made although the reply does not say so; its link is lost
    """

    status: int | None = None
    body: bytes | str | Mapping[str, object] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: Fault | None = None
    interval: float = 0.05
    hints: tuple[int, ...] = ()
    commit: bool = False

    @classmethod
    def error(cls, status: int, message: str | None = None, *, retry_after: int | str | None = None) -> Self:
        """Return an error of Laravel; `retry_after` is seconds or an HTTP date."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return cls(status, {"message": message or LARAVEL_MESSAGES.get(status) or phrase(status)}, headers)

    @classmethod
    def html(cls, status: int) -> Self:
        """Return an error page of the load balancer."""
        title = f"{status} {phrase(status)}"
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
        return cls(status, page, {"Server": "awselb/2.0", "Content-Type": "text/html"})

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Self:
        """Return a redirect with its small page."""
        return cls(status, f'<a href="{escape(location)}">Redirecting</a>', {"Location": location})

    def instead_of(self, serve: Callable[[], "Reply"]) -> "Reply":
        """Return this reply; call `serve` if the reply needs the normal answer or commits the request."""
        changes_the_answer = self.status is None and self.fault not in UNANSWERED
        if not (changes_the_answer or self.commit):
            return self
        answer = serve()
        if not changes_the_answer:
            return self
        return replace(
            answer,
            headers={**answer.headers, **self.headers},
            delay=self.delay + answer.delay,
            fault=self.fault or answer.fault,
            interval=self.interval if self.fault else answer.interval,
            hints=self.hints + answer.hints,
        )

    def content(self) -> tuple[bytes, dict[str, str]]:
        """Return the body's bytes and the headers."""
        match self.body:
            case bytes():
                return self.body, dict(self.headers)
            case str():
                html = {"Content-Type": "text/html; charset=UTF-8"}
                return self.body.encode(errors="surrogatepass"), {**html, **self.headers}
            case _:
                return json.dumps(self.body).encode(), {"Content-Type": "application/json", **self.headers}


def phrase(status: int) -> str:
    """Return the reason phrase of a status, also of an unknown one."""
    return HTTPStatus(status).phrase if status in HTTPStatus else "Error"


def created(number: int, survey_link: str, survey_link_short: str) -> Reply:
    """Answer 200 with the link."""
    link = {"survey_link": survey_link, "survey_link_short": survey_link_short}
    return Reply(200, {"data": {"number_customergauge": number, **link}})


def wrong_verb(verb: str) -> Reply:
    """Answer 405: a personal link is PUT."""
    message = f"The {verb} method is not supported for route personal-link. Supported methods: PUT."
    return Reply(405, {"message": message}, {"Allow": "PUT"})


def invalid(errors: Mapping[str, list[str]], message: str | None = None) -> Reply:
    """Answer 422, with Laravel's summary of the errors as its message."""
    messages = [text for texts in errors.values() for text in texts]
    more = len(messages) - 1
    suffix = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return Reply(422, {"message": message or messages[0] + suffix, "errors": dict(errors)})


def mapping_not_found(configuration: object) -> Reply:
    """Answer 404: no inbound mapping has this reference."""
    return Reply.error(404, f"The inbound mapping [{configuration}] was not found.")


def wrong_data_type(configuration: object) -> Reply:
    """Answer 422: the inbound mapping is there, but for accounts, contacts or activities."""
    wrong = f"The inbound mapping [{configuration}] data type is invalid"
    return invalid({"configuration": [f"{wrong}, only 'Multi-Object' or 'Survey Data' are allowed."]})


CONFIGURATION_MISSING = invalid(
    {"configuration": ["The configuration field is required."]}, "The given data was invalid."
)
CONTACT_MISSING = invalid(
    {
        "Email": ["The Email field is required when Phone is not present."],
        "Phone": ["The Phone field is required when Email is not present."],
    }
)
EMAIL_INVALID = "The Email must be a valid email address."
PHONE_INVALID = "The Phone format is invalid."  # Laravel's text; the vendor's page shows none

NO_CAMPAIGN = Reply.error(400, "Could not match any campaign filter.")
GLOBAL_DUPLICATE = Reply.error(400, "Record could not be imported because it duplicates with another record.")
DUPLICATE = Reply.error(400, "Personal link record could not be created because it duplicates with another record.")

CHOSEN_BY_EMAIL: Mapping[object, Reply] = {
    "no-campaign@example.com": NO_CAMPAIGN,
    "global-duplicate@example.com": GLOBAL_DUPLICATE,
    "duplicate@example.com": DUPLICATE,
}
