"""What alarms and dashboard tell: seven alarms wake somebody, and the dashboard answers four questions."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric
from sandbox import REPOSITORY
from tests.template.invariants.alarms import OF_A_CANARY, SHOWN, WATCHED
from tests.template.invariants.built import Built

LONGEST_TURN = 1800  # seconds; as circuit_breaker has it, with all of its jitter
LONGEST_DELAY = 900  # seconds between two retries at most


def alarms(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::CloudWatch::Alarm")


def watched(alarm: dict[str, Any]) -> tuple[object, ...]:
    dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions, alarm["Statistic"], alarm["Threshold"]


@pytest.mark.parametrize(("name", "longest"), [("OldestRetry", LONGEST_TURN), ("CredentialsRefused", LONGEST_DELAY)])
def test_an_alarm_of_retried_requests_stays_on_for_the_longest_retry_delay(
    built: Built, name: str, longest: int
) -> None:
    alarm = alarms(built)[name]

    assert alarm["DatapointsToAlarm"] == 1
    assert alarm["Period"] * (alarm["EvaluationPeriods"] - 1) >= longest


def test_the_longest_retry_delay_is_that_of_the_codes() -> None:
    assert max(meaning.longest_delay for meaning in CODES.values()) == LONGEST_DELAY


def test_each_alarm_has_its_metric_dimensions_and_threshold(built: Built) -> None:
    assert {name: watched(alarm) for name, alarm in alarms(built).items()} == WATCHED | OF_A_CANARY
    assert {alarm["ComparisonOperator"] for alarm in alarms(built).values()} == {"GreaterThanThreshold"}
    assert {alarm["TreatMissingData"] for alarm in alarms(built).values()} == {"notBreaching"}


def test_the_watched_alarms_notify_the_topic_when_they_start_and_when_what_they_tell_is_over(built: Built) -> None:
    topic = ["${AlarmTopic}"]
    told = {
        name: (alarm.get("ActionsEnabled", True), alarm.get("AlarmActions"), alarm.get("OKActions"))
        for name, alarm in alarms(built).items()
    }

    assert told == {
        **dict.fromkeys(WATCHED, (True, topic, topic)),
        "UnknownOutcomes": (True, topic, None),  # its metric ends after minutes, and the link stays lost
        "Bugs": (True, None, None),
    }


def test_the_description_of_each_alarm_is_one_sentence_and_a_link_to_its_page(built: Built) -> None:
    for name, alarm in alarms(built).items():
        assert re.fullmatch(rf"[A-Z][^.]+\. docs/operation\.md#{name.lower()}", alarm["AlarmDescription"])


def test_alarms_and_dashboard_use_only_metrics_that_the_functions_write() -> None:
    code = (REPOSITORY / "layers" / "personal_link" / "personal_link" / "observability.py").read_text()
    calls = re.findall(r"metrics\(\)\.add\(Metric\.(\w+)(.*)\)", code)
    written = {Metric[name].value: {"Stack", *re.findall(r"(\w+)=", rest)} for name, rest in calls}

    assert written.keys() == set(Metric)
    watched = [(namespace, metric, dimensions) for namespace, metric, dimensions, *_how in WATCHED.values()]
    shown = [(namespace, metric, dimensions) for namespace, metric, dimensions, *_how in SHOWN]
    for namespace, metric, dimensions in [*watched, *shown]:
        assert namespace != NAMESPACE or {name for name, _value in dimensions} <= written[metric]


# The dashboard


def widgets(built: Built) -> list[dict[str, Any]]:
    [board] = built.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(board["DashboardBody"])["widgets"]
    return found


def shown(widget: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield the metrics of a widget, with what CloudWatch takes from the row before for "." and "..."."""
    before: list[str] = []
    for row in widget["properties"].get("metrics", []):
        *words, options = row if isinstance(row[-1], dict) else [*row, {}]
        if "expression" in options:
            yield searched(options["expression"])
            continue
        if words[0] == "...":
            words = [*before[: len(before) + 1 - len(words)], *words[1:]]
        before = [before[place] if word == "." else word for place, word in enumerate(words)]
        dimensions = tuple(zip(before[2::2], before[3::2], strict=True))
        yield before[0], before[1], dimensions, options.get("stat", widget["properties"].get("stat"))


def searched(expression: str) -> tuple[object, ...]:
    found = re.fullmatch(
        r"SEARCH\('{(\w+),Stack,(\w+)} MetricName=\"(\w+)\" Stack=\"(.+)\"', '(\w+)', 300\)", expression
    )
    assert found, expression
    namespace, dimension, metric, stack, statistic = found.groups()
    return namespace, metric, (("Stack", stack), (dimension, "*")), statistic


def test_the_dashboard_shows_exactly_the_listed_metrics(built: Built) -> None:
    assert {metric for widget in widgets(built) for metric in shown(widget)} == SHOWN


def test_the_dashboard_has_its_four_questions_in_order_and_every_alarm(built: Built) -> None:
    found = widgets(built)
    titles = [one["properties"]["title"] for one in sorted(found, key=lambda one: (one["y"], one["x"]))]

    assert [question for title in titles for question in re.findall(r"^.+\?", title)] == [
        *("Is it healthy?", "What is failing?", "How slow is CustomerGauge?", "What waits?")
    ]
    arns = [arn for one in found if one["type"] == "alarm" for arn in one["properties"]["alarms"]]
    assert sorted(arns) == sorted(f"${{{name}.Arn}}" for name in alarms(built))


def test_the_api_is_named_after_the_stack_as_the_dashboard_expects(built: Built) -> None:
    [api] = built.of_type("AWS::ApiGateway::RestApi").values()

    assert api.get("Name", api["Body"]["info"]["title"]) == "${AWS::StackName}"
