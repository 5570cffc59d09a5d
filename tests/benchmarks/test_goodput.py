"""CustomerGauge fails in exactly the calls that a case of the goodput names, and the time is that of the results."""

import json
from email.message import Message

import pytest

from benchmarks.goodput import Run, one_in_ten_fails, partly_failing, rate_limited
from sandbox.customergauge import Call, Reply


def call(number: int, path: str = "/personal-link/") -> Call:
    body = json.dumps({"record": {"Order": f"run-{number:05}"}}).encode()
    return Call("PUT", path, Message(), body, connection=1)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_a_share_of_the_calls_fails_half_with_503_and_half_with_a_reset(rate: float) -> None:
    misbehave = partly_failing(rate, seed=1)

    replies = [misbehave(call(number)) for number in range(4000)]

    assert replies.count(Reply.error(503)) == pytest.approx(4000 * rate / 2, rel=0.2)
    assert replies.count(Reply(fault="reset")) == pytest.approx(4000 * rate / 2, rel=0.2)


def test_the_same_seed_fails_the_same_calls() -> None:
    first, again = partly_failing(0.4, seed=7), partly_failing(0.4, seed=7)

    assert [first(call(number)) for number in range(50)] == [again(call(number)) for number in range(50)]


def test_a_rate_limit_asks_for_a_second() -> None:
    misbehave = rate_limited(1.0, seed=1)

    assert misbehave(call(1)) == Reply.error(429, retry_after=1)


def test_one_record_in_ten_always_fails() -> None:
    failing = [number for number in range(40) if one_in_ten_fails(call(number))]

    assert failing == [0, 10, 20, 30]


def test_the_token_server_never_fails() -> None:
    assert partly_failing(1.0, seed=1)(call(1, path="/oauth2/token")) is None


def test_a_share_is_done_when_its_last_result_came() -> None:
    run = Run([float(second) for second in range(1, 201)], calls=200)

    assert (run.done(0.9), run.done(0.95), run.done(1.0)) == (180.0, 190.0, 200.0)
