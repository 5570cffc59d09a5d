"""An alarm's text says what happened and where its page is; alarms and dashboard are about metrics that exist."""

import re

import pytest

from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric
from sandbox.template import REPOSITORY, source_template
from tests.template.invariants.alarms import LONGEST_DELAY, WATCHED
from tests.template.invariants.dashboard import SHOWN

OBSERVABILITY = REPOSITORY / "layers" / "personal_link" / "personal_link" / "observability.py"
ALARMS = {
    name: resource["Properties"]
    for name, resource in source_template()["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def test_seven_alarms_wake_somebody() -> None:
    assert {name for name, alarm in ALARMS.items() if "AlarmActions" in alarm} == WATCHED.keys()
    assert len(WATCHED) == 7


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarms_text_is_one_sentence_and_its_page(name: str) -> None:
    assert re.fullmatch(rf"[A-Z][^.]+\. docs/operation\.md#{name.lower()}", ALARMS[name]["AlarmDescription"])


def test_no_retry_waits_longer_by_itself_than_the_alarm_of_old_retries_rings_on() -> None:
    assert max(meaning.longest_delay for meaning in CODES.values()) == LONGEST_DELAY


def test_alarms_and_dashboard_are_about_metrics_that_the_functions_write() -> None:
    calls = re.findall(r"metrics\(\)\.add\(Metric\.(\w+)(.*)\)", OBSERVABILITY.read_text())
    written = {Metric[name].value: {"Stack", *re.findall(r"(\w+)=", rest)} for name, rest in calls}
    of_alarms = {(metric, dimensions) for space, metric, dimensions, *_how in WATCHED.values() if space == NAMESPACE}
    of_dashboard = {(metric, dimensions) for space, metric, dimensions, _statistic in SHOWN if space == NAMESPACE}

    assert written.keys() == set(Metric)
    for metric, dimensions in of_alarms | of_dashboard:
        assert {name for name, _value in dimensions} <= written[metric]
