"""The guards without which a link is lost or a result is wrong, and the change that breaks each."""

from typing import Final, NamedTuple


class Guard(NamedTuple):
    """A change of one module that must make a test fail: `before` stands in it once, `after` breaks the guard."""

    name: str
    module: str
    before: str
    after: str


GUARDS: Final = [
    Guard(
        "a request that may have been processed is not sent again",
        "customergauge/transport",
        "retries=False,\n            preload_content",
        "retries=urllib3.Retry(3, redirect=False),\n            preload_content",
    ),
    Guard(
        "a redirect is not followed",
        "customergauge/transport",
        "redirect=False,\n            retries=False,",
        "redirect=True,\n            retries=urllib3.Retry(connect=0, read=0, redirect=3, status=0, other=0),",
    ),
    Guard(
        "an answer byte by byte ends by the deadline",
        "customergauge/answer_bytes",
        "left = self._ends_at - time.monotonic()",
        "left = 60.0",
    ),
    Guard(
        "silence after the first bytes ends by the deadline",
        "customergauge/answer_bytes",
        "self._sock.settimeout(left)",
        "pass",
    ),
    Guard(
        "the deadline of the invocation is kept",
        "customergauge/transport",
        "self._send(method, url, headers, body, deadline.remaining())",
        "self._send(method, url, headers, body, 20.0)",
    ),
    Guard(
        "a call that cannot finish is not started", "customergauge/transport", "deadline.require(LEAST_TIME)", "pass"
    ),
    Guard(
        "an unanswered attempt leaves its marker",
        "aws/ledger",
        'self._end(attempt, "REMOVE #owner, lease_until", {})',
        "self.take_back(attempt)",
    ),
    Guard(
        "the marker of a content key outlives its hour",
        "aws/ledger",
        "if not attempt.earlier_unanswered:",
        "if True:",
    ),
    Guard(
        "an attempt of a content key is marked for as long as any other",
        "aws/ledger",
        "expires_at=now + self._life,",
        "expires_at=now + self._life_of(request),",
    ),
    Guard(
        "the marker makes a duplicate unknown",
        "issue_link",
        "if is_duplicate and (attempt.earlier_unanswered or self.ledger.began_before(request)):",
        "if False:",
    ),
    Guard(
        "a late writer does not settle",
        "aws/ledger",
        'ConditionExpression="#owner = :owner",\n            ExpressionAttributeNames={"#owner": "owner", "#state"',
        'ConditionExpression="#owner = :owner OR attribute_exists(pk)",\n'
        '            ExpressionAttributeNames={"#owner": "owner", "#state"',
    ),
    Guard(
        "a late writer does not end another's attempt",
        "aws/ledger",
        'ConditionExpression="#owner = :owner",  # fences',
        'ConditionExpression="#owner = :owner OR attribute_exists(pk)",  # fences',
    ),
    Guard("a 200 without a usable link is unknown", "customergauge/answers", "if link is None:", "if False:"),
    Guard(
        "an answer that is too large is not read",
        "customergauge/transport",
        'return Response(status, headers, b"", complete=False, unreadable=True)',
        "return Response(status, headers, text[:BODY_LIMIT], complete=True)",
    ),
    Guard(
        "a link is checked before it is passed on",
        "customergauge/answers",
        "return link if usable else None",
        "return link",
    ),
    Guard(
        "a redirect is not a success",
        "customergauge/client",
        "return 200 <= response.status < 300",
        "return 200 <= response.status < 400",
    ),
    Guard(
        "one environment at a time fetches a token",
        "aws/token_lease",
        "(attribute_not_exists(lease_until) OR lease_until <= :now)",
        "(attribute_not_exists(lease_until) OR lease_until <> :now)",
    ),
    Guard(
        "a refused token is not used again",
        "aws/shared_token",
        "newer = stored.asked_at > self._had",
        "newer = True",
    ),
    Guard("a token of another server is not used", "aws/shared_token", "stored.origin == self._origin", "True"),
    Guard(
        "a token of other credentials is not used",
        "aws/shared_token",
        "return stored.credentials == self._credentials.get(newer_than=known).mark",
        "return True",
    ),
    Guard(
        "the shared token is written once in ten minutes",
        "aws/token_lease",
        "WRITE_INTERVAL: Final = 600.0",
        "WRITE_INTERVAL: Final = 1.0",
    ),
    Guard(
        "only the owner of the lease writes the token",
        "aws/token_lease",
        'update, "#owner = :owner", values) is None',
        'update, "#owner = :owner OR attribute_exists(pk)", values) is None',
    ),
    Guard(
        "an HTTP key belongs to its caller",
        "triggers/http_request",
        'received_at=int(context["requestTimeEpoch"]) / 1000, owner=owner',
        'received_at=int(context["requestTimeEpoch"]) / 1000',
    ),
    Guard(
        "a call without a caller is refused",
        "triggers/http_request",
        'raise NotProcessed(Code.INTERNAL_ERROR, "API Gateway named no caller: the method has no authorization")',
        'return "anybody"',
    ),
    Guard("a forged token lifetime is ignored", "aws/token_secret", "not 0 < life <= LONGEST_LIFE", "False"),
    Guard(
        "messages with the same key run one after the other",
        "triggers/batch",
        "message.request.key.digest",
        "message.record['messageId']",
    ),
    Guard(
        "a result is queued before it is returned",
        "triggers/invocation",
        "unsent = self.results.send([outcome])",
        "unsent: list[object] = []",
    ),
    Guard(
        "a link whose result was not queued waits in the ledger for as long as any other",
        "triggers/invocation",
        "sent=not unsent",
        "sent=True",
    ),
    Guard(
        "an error's class name is its code",
        "triggers/invocation",
        "type(str(code), (PersonalLinkError,), {})",
        "PersonalLinkError",
    ),
    Guard(
        "a redriven invocation keeps its key",
        "triggers/deliveries",
        "    if invocation is not None:  #",
        "    if False:  #",
    ),
    Guard("half-open, one call is in flight at a time", "customergauge/circuit_breaker", "self._limit = 1.0 ", "pass "),
    Guard(
        "calls in flight together cut the limit once",
        "customergauge/circuit_breaker",
        "if call.number > self._cut_at:",
        "if True:",
    ),
    Guard("repeated failures of one request count once", "customergauge/circuit_breaker", "elif not again:", "else:"),
    Guard(
        "calls from before the circuit opened do not count",
        "customergauge/circuit_breaker",
        "        if call.number <= self._turned_at:\n            return\n        if not self.is_closed",
        "        if not self.is_closed",
    ),
    Guard(
        "AWS's failures do not open the circuit",
        "customergauge/circuit_breaker",
        " and call.error.code in FAILURES",
        "",
    ),
    Guard(
        "a message without an attempt is not parked",
        "triggers/batch",
        "self.retry_window if error.attempt is not None else LAST_CALL",
        "self.retry_window",
    ),
    Guard(
        "a message that was put back keeps its back-off",
        "triggers/batch",
        "max(1, min(receives, error.attempt))",
        "receives",
    ),
    Guard("libraries do not log", "observability", "other.setLevel(_SILENT)", "pass"),
    Guard(
        "an unknown log field is withheld",
        "observability",
        "isinstance(value, str) and value.isprintable() and _is_known(name, value) else",
        "isinstance(value, str) else",
    ),
    Guard("a logged detail is a known text", "observability", "error_texts.is_known(value)", "True"),
    Guard("a time that cannot be written is ignored", "triggers/envelopes", ".astimezone(UTC)", ""),
    Guard(
        "a record larger than a result is not echoed",
        "domain/outcome",
        "return not level and len(json.dumps(sent)) <= MAX_ECHO",
        "return not level",
    ),
    Guard(
        "a deeply nested record is not echoed",
        "domain/outcome",
        "return not level and len(json.dumps(sent)) <= MAX_ECHO",
        "return len(json.dumps(sent)) <= MAX_ECHO",
    ),
    Guard(
        "an object without a request is not rejected as a request",
        "triggers/envelopes",
        'isinstance(value, dict) and ("record" in value or "configuration" in value)',
        "isinstance(value, dict)",
    ),
    Guard("only one envelope is opened", "triggers/envelopes", "elif not self._notification and (", "elif ("),
    Guard(
        "JSON in a string is decoded only once",
        "triggers/envelopes",
        "if isinstance(value, str) and not self._is_decoded:",
        "if isinstance(value, str):",
    ),
    Guard(
        "a notification is identified by its own id",
        "triggers/deliveries",
        "unwrapper.message_id or first_id(record)",
        "first_id(record)",
    ),
    Guard("text with lost bytes is refused", "triggers/http_request", "if _REPLACEMENT in body:", "if False:"),
    Guard("a log line is ASCII", "observability", 'separators=(",", ":")', 'ensure_ascii=False, separators=(",", ":")'),
    Guard(
        "a vendor message that quotes data is not passed on",
        "customergauge/answers",
        "if not text or any(",
        "if not text or all(",
    ),
    Guard(
        "a metric dimension is one of our own words",
        "metrics",
        "text if _WORD.fullmatch(text) else WITHHELD",
        "text",
    ),
    Guard("a metric is written once", "metrics", "            self._kept.clear()\n", ""),
]
