"""The architecture page leaves nothing out and makes nothing up: modules, codes, variables, metrics, alarms."""

import ast
import re
from collections import defaultdict

from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric
from sandbox.template import REPOSITORY
from tests.docs.documents import DOCS, marked, rows, sections
from tests.docs.known import PACKAGE, alarms, resources, variables_read, variables_set

PAGE = (DOCS / "architecture.md").read_text()
SECTIONS = sections(PAGE)


def names(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def test_every_module_is_there() -> None:
    modules = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]

    assert [module for module in modules if module not in marked(SECTIONS["What to read, in this order"])] == []


def test_every_code_has_its_way() -> None:
    assert [row[0] for row in rows(SECTIONS["Code by code"])] == [f"`{code}`" for code in CODES]


def test_a_code_ends_on_the_queue_as_the_readme_says() -> None:
    of_the_readme = rows(sections((REPOSITORY / "README.md").read_text())["Codes"])
    ends = {row[0]: row[2].strip("`") for row in rows(SECTIONS["Code by code"])}

    for code, _status, on_the_queue, _meaning in of_the_readme:
        assert ends[code].startswith(on_the_queue.split(";")[0] or "cannot be"), code


def test_the_variables_are_those_that_the_template_sets_and_the_settings_read() -> None:
    told = [name for row in rows(SECTIONS["Settings"]) for name in names(row[0])]

    assert len(told) == len(set(told))
    assert set(told) == variables_set() == variables_read()


def test_the_metrics_are_all_metrics_with_their_dimensions() -> None:
    told = {names(row[0])[0]: set(names(row[1])) for row in rows(SECTIONS["What is told"])}

    assert told == {str(metric): dimensions_counted()[metric.name] for metric in Metric}
    assert f"in the namespace `{NAMESPACE}`" in PAGE


def dimensions_counted() -> dict[str, set[str]]:
    """Return by which dimensions the package counts each metric, out of its code."""
    counted: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(args=[ast.Attribute(value=ast.Name(id="Metric"), attr=name), *_], keywords=keywords):
                    counted[name] |= {str(one.arg) for one in keywords}
    return counted


def test_the_alarms_are_all_alarms_and_their_topic() -> None:
    [told] = re.findall(r"\*\*Alarms\*\* ring on the topic `(\w+)`: (.*?)\.", PAGE, re.DOTALL)

    assert told[0] in resources("AWS::SNS::Topic")
    assert sorted(names(told[1])) == sorted(alarms())
