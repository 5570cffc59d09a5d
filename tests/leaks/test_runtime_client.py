"""What Lambda's own runtime client tells of an exception that is raised `from None`: nothing of what was behind it."""

import subprocess

import pytest

from sandbox.template import REPOSITORY

PYTHON = REPOSITORY / ".bench" / "bin" / "python"

# The handler of direct_invocation raises as this one does. What is printed is the log, and what Lambda is told.
PROGRAM = """
import sys, traceback
from awslambdaric.bootstrap import StandardLogSink, handle_event_request

class Marshaller:
    def unmarshal_request(self, body, content_type):
        return body

class Client:
    marshaller = Marshaller()
    def post_invocation_error(self, *told):
        print(told)

def fails():
    planted = "a secret of urllib3's"
    raise ValueError(planted)

def handler(event, context):
    try:
        fails()
    except ValueError as error:
        raise RuntimeError("our own text") from None

handle_event_request(
    Client(), handler, "id", "{}", "application/json", None, None, "arn", "1000", None, StandardLogSink()
)
"""


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="`make test-all` makes .bench from its lock")
def test_an_exception_raised_from_none_shows_neither_text_nor_traceback_of_its_context() -> None:
    told = subprocess.run([PYTHON, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout

    assert told.count("our own text") >= 2  # in the log and in the answer
    assert "in handler" in told  # its own traceback
    assert "a secret of urllib3's" not in told
    assert "ValueError" not in told
    assert "in fails" not in told
