"""The guards without which a link gets lost or told wrongly, and how each would be broken by hand."""

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
        "transport",
        "retries=False,\n            preload_content",
        "retries=urllib3.Retry(3, redirect=False),\n            preload_content",
    ),
    Guard(
        "a redirect is not followed",
        "transport",
        "redirect=False,\n            retries=False,",
        "redirect=True,\n            retries=urllib3.Retry(connect=0, read=0, redirect=3, status=0, other=0),",
    ),
    Guard("a drip keeps the deadline", "transport", "left = self._ends_at - time.monotonic()", "left = 60.0"),
    Guard("silence after a late beginning keeps it too", "transport", "self._sock.settimeout(left)", "pass"),
    Guard(
        "the deadline of the invocation is kept",
        "transport",
        "self._send(method, url, headers, body, deadline.remaining())",
        "self._send(method, url, headers, body, 20.0)",
    ),
    Guard("what cannot finish is not started", "transport", "deadline.require(LEAST_TIME)", "pass"),
    Guard(
        "an attempt without an answer leaves its marker",
        "ledger",
        'self._end(attempt, "REMOVE #owner, lease_until", {})',
        "self.take_back(attempt)",
    ),
    Guard(
        "the marker of a content key outlives its hour",
        "ledger",
        "if not attempt.earlier_unanswered:",
        "if True:",
    ),
    Guard(
        "an attempt of a content key is marked for as long as any other",
        "ledger",
        '"expires_at": {"N": str(int(now + self._life))},',
        '"expires_at": {"N": str(int(now + self._life_of(request)))},',
    ),
    Guard(
        "the marker makes a duplicate unknown",
        "issue_link",
        "if is_duplicate and (attempt.earlier_unanswered or self.ledger.began_before(request)):",
        "if False:",
    ),
    Guard(
        "a late writer does not settle",
        "ledger",
        'ConditionExpression="#owner = :owner",\n            ExpressionAttributeNames={"#owner": "owner", "#state"',
        'ConditionExpression="#owner = :owner OR attribute_exists(pk)",\n'
        '            ExpressionAttributeNames={"#owner": "owner", "#state"',
    ),
    Guard(
        "a late writer does not end another's attempt",
        "ledger",
        'ConditionExpression="#owner = :owner",  # fences',
        'ConditionExpression="#owner = :owner OR attribute_exists(pk)",  # fences',
    ),
    Guard("a 200 without a usable link is no link", "vendor_answers", "if link is None:", "if False:"),
    Guard(
        "a 200 that was cut short is no link",
        "vendor_answers",
        "strict_json.parse(response.body) if response.complete else None",
        "strict_json.parse(response.body)",
    ),
    Guard(
        "a link is looked at before it is handed on",
        "vendor_answers",
        "return link if usable else None",
        "return link",
    ),
    Guard(
        "only 200 is a success",
        "customergauge",
        "if response.status != 200:\n            self._refuse_link",
        "if response.status >= 300:\n            self._refuse_link",
    ),
    Guard(
        "one environment at a time fetches",
        "token_lease",
        "(attribute_not_exists(lease_until) OR lease_until <= :now)",
        "(attribute_not_exists(lease_until) OR lease_until <> :now)",
    ),
    Guard(
        "a token that was refused is not taken again",
        "shared_token",
        "newer = stored.asked_at > self._had",
        "newer = True",
    ),
    Guard("a token of another server is not taken", "shared_token", "stored.origin == self._origin", "True"),
    Guard(
        "a token of other credentials is not taken",
        "shared_token",
        "return stored.credentials == self._credentials.get(newer_than=known).mark",
        "return True",
    ),
    Guard(
        "the shared token is written once in ten minutes",
        "token_lease",
        "WRITE_INTERVAL: Final = 600.0",
        "WRITE_INTERVAL: Final = 1.0",
    ),
    Guard(
        "only the owner of the lease writes the token",
        "token_lease",
        'update, "#owner = :owner", values) is None',
        'update, "#owner = :owner OR attribute_exists(pk)", values) is None',
    ),
    Guard(
        "a key by HTTP is its caller's",
        "triggers",
        'received_at=int(context["requestTimeEpoch"]) / 1000, owner=owner',
        'received_at=int(context["requestTimeEpoch"]) / 1000',
    ),
    Guard(
        "a call without a caller is not taken",
        "triggers",
        'raise NotProcessed(Code.INTERNAL_ERROR, "API Gateway named no caller: its method lets in anybody")',
        'return "anybody"',
    ),
    Guard("a forged life of a token is not believed", "token_secret", "not 0 < life <= LONGEST_LIFE", "False"),
    Guard(
        "messages of one key follow each other",
        "work_batch",
        "message.request.key.digest",
        "message.record['messageId']",
    ),
    Guard(
        "a result is queued before it is returned",
        "direct_call",
        "if self.results.send([outcome]):",
        "if False:",
    ),
    Guard(
        "a link whose result was not queued waits in the ledger for as long as any other",
        "direct_call",
        "            self._keep(request, outcome)\n",
        "",
    ),
    Guard(
        "an error has its code for a name",
        "direct_call",
        "type(str(code), (PersonalLinkError,), {})",
        "PersonalLinkError",
    ),
    Guard(
        "an invocation that was parked goes by the key that it had",
        "triggers",
        "    if invocation is not None:  #",
        "    if False:  #",
    ),
    Guard("a vendor in doubt gets one call", "work_batch", "self.cool_down.in_doubt or ", ""),
    Guard(
        "calls that fail together count once",
        "cool_down",
        "            if begun != self._news:\n                self._until",
        "            if False:\n                self._until",
    ),
    Guard("no library logs", "observability", "other.setLevel(_SILENT)", "pass"),
    Guard(
        "what is no known field is withheld",
        "observability",
        "isinstance(value, str) and value.isprintable() and _is_known(name, value) else",
        "isinstance(value, str) else",
    ),
    Guard("a detail is on the list", "observability", "details.is_known(value)", "True"),
    Guard("a time that cannot be written counts as none", "triggers", ".astimezone(UTC)", ""),
    Guard(
        "a record larger than a request is not repeated",
        "outcome",
        "return record if size_of(record) <= MAX_BYTES else None",
        "return record",
    ),
    Guard("a log line is ASCII", "observability", 'separators=(",", ":")', 'ensure_ascii=False, separators=(",", ":")'),
    Guard("words that quote somebody are not passed on", "vendor_words", "if not text or any(", "if not text or all("),
    Guard(
        "a dimension of a metric is a word of ours",
        "metrics",
        "text if _WORD.fullmatch(text) else WITHHELD",
        "text",
    ),
    Guard("what was counted is not counted again", "metrics", "            self._kept.clear()\n", ""),
]
