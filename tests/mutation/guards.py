"""The guards without which a link is lost or a result is wrong, and the change that breaks each."""

from typing import Final, NamedTuple


class Guard(NamedTuple):
    """A change of one module that must make a test fail: `before` stands in it once, `after` breaks the guard."""

    name: str
    module: str
    before: str
    after: str


# What stands in a module once, and what breaks it.
_BROKEN: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "customergauge/transport": {
        "a request that may have been processed is not sent again": (
            "retries=False,\n            preload_content",
            "retries=urllib3.Retry(3, redirect=False),\n            preload_content",
        ),
        "a redirect is not followed": (
            "redirect=False,\n            retries=False,",
            "redirect=True,\n            retries=urllib3.Retry(connect=0, read=0, redirect=3, status=0, other=0),",
        ),
        "the deadline of the invocation is kept": (
            "self._send(method, url, headers, body, deadline.remaining())",
            "self._send(method, url, headers, body, 20.0)",
        ),
        "a call that cannot finish is not started": ("deadline.require(LEAST_TIME)", "pass"),
        "an answer that is too large is not read": (
            'return Response(status, headers, b"", complete=False, unreadable=True)',
            "return Response(status, headers, text[:BODY_LIMIT], complete=True)",
        ),
    },
    "customergauge/answer_bytes": {
        "an answer byte by byte ends by the deadline": ("left = self._ends_at - time.monotonic()", "left = 60.0"),
        "silence after the first bytes ends by the deadline": ("self._sock.settimeout(left)", "pass"),
    },
    "aws/ledger": {
        "an unanswered attempt leaves its marker": (
            'self._end(attempt, "REMOVE #owner, lease_until", {})',
            "self.take_back(attempt)",
        ),
        "the marker of a content key outlives its hour": ("if not attempt.earlier_unanswered:", "if True:"),
        "an attempt of a content key is marked for as long as any other": (
            "expires_at=now + self._life,",
            "expires_at=now + self._life_of(request),",
        ),
        "a late writer does not settle": (
            'ConditionExpression="#owner = :owner",\n            ExpressionAttributeNames={"#owner": "owner", "#state"',
            (
                'ConditionExpression="#owner = :owner OR attribute_exists(pk)",\n'
                '            ExpressionAttributeNames={"#owner": "owner", "#state"'
            ),
        ),
        "a late writer does not end another's attempt": (
            'ConditionExpression="#owner = :owner",  # fences',
            'ConditionExpression="#owner = :owner OR attribute_exists(pk)",  # fences',
        ),
    },
    "issue_link": {
        "the marker makes a duplicate unknown": (
            "if refusal.code is Code.DUPLICATE_RECORD and attempt.earlier_unanswered:",
            "if False:",
        ),
    },
    "customergauge/answers": {
        "a 200 without a usable link is unknown": ("if link is None:", "if False:"),
        "a link is checked before it is passed on": ("return link if usable else None", "return link"),
        "a vendor message that quotes data is not passed on": ("if not text or any(", "if not text or all("),
    },
    "customergauge/client": {
        "a redirect is not a success": ("return 200 <= response.status < 300", "return 200 <= response.status < 400"),
    },
    "aws/token_lease": {
        "one environment at a time fetches a token": (
            "(attribute_not_exists(lease_until) OR lease_until <= :now)",
            "(attribute_not_exists(lease_until) OR lease_until <> :now)",
        ),
        "the shared token is written once in ten minutes": (
            "WRITE_INTERVAL: Final = 600.0",
            "WRITE_INTERVAL: Final = 1.0",
        ),
        "only the owner of the lease writes the token": (
            'update, "#owner = :owner", values) is None',
            'update, "#owner = :owner OR attribute_exists(pk)", values) is None',
        ),
    },
    "aws/shared_token": {
        "a refused token is not used again": ("newer = stored.asked_at > self._had", "newer = True"),
        "a token of another server is not used": ("stored.origin == self._origin", "True"),
        "a token of other credentials is not used": (
            "return stored.credentials == self._credentials.get(newer_than=known).mark",
            "return True",
        ),
    },
    "triggers/http_request": {
        "an HTTP key belongs to its caller": (
            'received_at=int(context["requestTimeEpoch"]) / 1000, owner=owner',
            'received_at=int(context["requestTimeEpoch"]) / 1000',
        ),
        "a call without a caller is refused": (
            'raise NotProcessed(Code.INTERNAL_ERROR, "API Gateway named no caller: the method has no authorization")',
            'return "anybody"',
        ),
        "text with lost bytes is refused": ("if _REPLACEMENT in body:", "if False:"),
    },
    "aws/token_secret": {
        "a forged token lifetime is ignored": ("not 0 < life <= LONGEST_LIFE", "False"),
    },
    "triggers/batch": {
        "messages with the same key run one after the other": (
            "message.request.key.digest",
            "message.record['messageId']",
        ),
        "a message without an attempt is not parked": (
            "self.retry_window if error.attempt is not None else LAST_CALL",
            "self.retry_window",
        ),
        "a message that was put back keeps its back-off": ("max(1, min(receives, error.attempt))", "receives"),
    },
    "triggers/invocation": {
        "a result is queued before it is returned": (
            "unsent = self.results.send([outcome])",
            "unsent: list[object] = []",
        ),
        "a link whose result was not queued waits in the ledger for as long as any other": (
            "sent=not unsent",
            "sent=True",
        ),
        "an error's class name is its code": ("type(str(code), (PersonalLinkError,), {})", "PersonalLinkError"),
    },
    "triggers/deliveries": {
        "a redriven invocation keeps its key": ("    if invocation is not None:  #", "    if False:  #"),
        "a notification is identified by its own id": ("unwrapper.message_id or first_id(record)", "first_id(record)"),
    },
    "customergauge/circuit_breaker": {
        "half-open, one call is in flight at a time": ("self._limit = 1.0 ", "pass "),
        "calls in flight together cut the limit once": ("if call.number > self._cut_at:", "if True:"),
        "a request that failed before is no evidence": (
            "failed_before = (error.attempt or 1) > 1",
            "failed_before = False",
        ),
        "calls from before the circuit opened do not count": (
            "        if call.number <= self._turned_at:\n            return\n        if not self.is_closed",
            "        if not self.is_closed",
        ),
        "AWS's failures do not open the circuit": (" and call.error.code in FAILURES", ""),
    },
    "observability": {
        "libraries do not log": ("other.setLevel(_SILENT)", "pass"),
        "an unknown log field is withheld": (
            "isinstance(value, str) and value.isprintable() and _is_known(name, value) else",
            "isinstance(value, str) else",
        ),
        "a logged detail is a known text": ("error_texts.is_known(value)", "True"),
        "a log line is ASCII": ('separators=(",", ":")', 'ensure_ascii=False, separators=(",", ":")'),
    },
    "triggers/envelopes": {
        "a time that cannot be written is ignored": ("        timestamp(seconds)", "        #"),
        "an object without a request is not rejected as a request": (
            'isinstance(value, dict) and ("record" in value or "configuration" in value)',
            "isinstance(value, dict)",
        ),
        "only one envelope is opened": ("elif not self._notification and (", "elif ("),
        "JSON in a string is decoded only once": (
            "if isinstance(value, str) and not self._is_decoded:",
            "if isinstance(value, str):",
        ),
    },
    "domain/outcome": {
        "a record larger than a result is not echoed": (
            "return not level and len(json.dumps(sent)) <= MAX_ECHO",
            "return not level",
        ),
        "a deeply nested record is not echoed": (
            "return not level and len(json.dumps(sent)) <= MAX_ECHO",
            "return len(json.dumps(sent)) <= MAX_ECHO",
        ),
    },
    "metrics": {
        "a metric dimension is one of our own words": ("text if _WORD.fullmatch(text) else WITHHELD", "text"),
        "a metric is written once": ("            self._kept.clear()\n", ""),
    },
}
GUARDS: Final = [Guard(name, module, *change) for module, guards in _BROKEN.items() for name, change in guards.items()]
