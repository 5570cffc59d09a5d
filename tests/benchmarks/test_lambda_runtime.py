"""A cold start is measured on Lambda's own runtime, and a handler that fails is not measured."""

from pathlib import Path

import pytest

from benchmarks.lambda_runtime import StartError, start
from benchmarks.shipped import Layout
from benchmarks.start import Subject
from sandbox.emulator import without_aws

VARIABLES = without_aws() | {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


def layout_with(folder: Path, handler: str, code: str) -> Layout:
    layout = Layout(folder)
    layout.task(handler).mkdir(parents=True)
    (layout.task(handler) / "entry.py").write_text(code)
    layout.layers.mkdir(parents=True)
    return layout


def test_the_init_phase_is_the_time_of_the_handlers_module_and_the_invocation_that_of_the_handler(
    tmp_path: Path,
) -> None:
    code = "import time; time.sleep(0.4)\ndef handler(event, context): time.sleep(0.2); return [event, __file__]"
    layout = layout_with(tmp_path, "slow", code)

    started = start(layout, "slow", VARIABLES, {"a": 1})

    assert started.answer == [{"a": 1}, str(layout.task("slow") / "entry.py")]
    assert started.init > 400  # what it sleeps at least
    assert started.invocation > 200


def test_a_function_finds_the_layers_and_a_reference_does_not(tmp_path: Path) -> None:
    code = "import sys\ndef handler(event, context): return sys.path"
    function, reference = (layout_with(tmp_path / name, name, code) for name in ("http_api", "floor"))

    assert str(function.layers) in start(function, "http_api", VARIABLES, {}).answer
    assert str(reference.layers) not in start(reference, "floor", VARIABLES, {}).answer


@pytest.mark.parametrize("code", ["def handler(event, context): raise KeyError('a')", "import nothing_of_this_name"])
def test_a_handler_that_fails_is_not_measured(tmp_path: Path, code: str) -> None:
    with pytest.raises(StartError, match=r"KeyError|nothing_of_this_name"):
        start(layout_with(tmp_path, "broken", code), "broken", VARIABLES, {})


@pytest.mark.parametrize("answer", [{"statusCode": 503}, {"batchItemFailures": [{"itemIdentifier": "1"}]}])
def test_a_start_whose_request_got_no_link_is_not_measured(tmp_path: Path, answer: object) -> None:
    layout = layout_with(tmp_path, "refusing", f"def handler(event, context): return {answer!r}")
    subject = Subject("refusing", "refusing", layout, dict)

    with pytest.raises(RuntimeError, match="refusing did not do its work"):
        subject.started(VARIABLES)
