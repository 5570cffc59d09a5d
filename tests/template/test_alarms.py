"""Who reads only an alarm's text finds what it means, its heading in the runbook, where to look first, and the fix."""

import re
from functools import cache
from typing import Any

import pytest

from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric
from sandbox.template import REPOSITORY, source_template
from tests.template.invariants.alarms import LONGEST_DELAY, WATCHED

RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text()


@cache
def alarm(name: str) -> Any:
    return source_template()["Resources"][name]["Properties"]


@pytest.mark.parametrize("name", WATCHED)
def test_an_alarms_text_has_its_meaning_its_heading_a_first_look_and_a_fix(name: str) -> None:
    described = alarm(name)["AlarmDescription"]
    text = described["Fn::Sub"] if isinstance(described, dict) else described

    assert re.fullmatch(rf"[A-Z].+\. Runbook: docs/runbook\.md#{name.lower()}\. First look: .+\. Fix: .+\.", text)
    assert len(text) <= 1024  # CloudWatch takes no more


def test_the_runbook_has_a_heading_for_each_alarm() -> None:
    assert set(WATCHED) <= set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE))


def test_no_retry_waits_longer_by_itself_than_the_alarm_of_old_retries_rings_on() -> None:
    assert max(meaning.longest_delay for meaning in CODES.values()) == LONGEST_DELAY


def test_an_alarm_of_our_own_watches_a_metric_that_there_is() -> None:
    of_our_own = {metric for namespace, metric, *_how in WATCHED.values() if not namespace.startswith("AWS/")}

    assert {namespace for namespace, *_what in WATCHED.values()} == {
        "AWS/SQS",
        "AWS/Lambda",
        "AWS/ApiGateway",
        NAMESPACE,
    }
    assert of_our_own <= {str(metric) for metric in Metric}
