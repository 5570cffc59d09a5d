"""`make local` and its console in a browser: no request is lost in any fault, and the page shows why."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox import REPOSITORY
from sandbox.aws.emulator import SandboxError, running_emulator
from sandbox.console.samples import samples
from sandbox.local import KEPT, SETTINGS, free

SOON = 60_000  # ms: the first back-offs are a few seconds, a rest after some failures up to a minute
AFTER_MINUTES = 400_000  # a request whose retries have backed off far
ORDER = (REPOSITORY / "events" / "eventbridge_order_paid.json").read_text()


@dataclass(frozen=True)
class Local:
    """A running `make local`."""

    process: subprocess.Popen[str]
    printed: str

    @property
    def url(self) -> str:
        """The console's address."""
        return str(re.findall(r"^ +(http://127\.0\.0\.1:\d+/)$", self.printed, re.MULTILINE)[0])


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.local", *options],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    process = start()
    assert process.stdout is not None
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if "_ministack/sqs/messages" in line:  # the last one
                break
        yield Local(process, printed)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert not SETTINGS.exists()


@pytest.fixture
def console(page: Page, local: Local) -> Iterator[Page]:
    """Open the console; whatever a test switched on is off again after it, and nothing is left."""
    page.goto(local.url)
    expect(page.locator("#connection")).to_have_text("Live")
    yield page
    for _ in range(page.locator("#banner button").count()):
        page.locator("#banner button").first.click()
    expect(count(page, "waiting")).to_have_text("0", timeout=AFTER_MINUTES)
    page.get_by_role("button", name="Delete results and parked").click()
    expect(count(page, "all")).to_have_text("0")


def count(page: Page, name: str) -> Locator:
    return page.locator(f"[data-filter={name}] b")


def row(page: Page, text: str) -> Locator:
    return page.locator(".row", has_text=text)


def switch(page: Page, name: str) -> None:
    page.get_by_role("tab", name="Faults").click()
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator(".banner", has_text=f"{name} is on.")).to_be_visible()


def switch_off(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Switch off: {name}").click()
    expect(page.locator(".banner", has_text=f"{name} is on.")).to_have_count(0)


def send(page: Page, name: str) -> None:
    page.get_by_role("tab", name="Send").click()
    with page.expect_response("**/actions/send*"):
        page.get_by_role("button", name=f"Send {name}", exact=True).click()


def expect_sum(page: Page, text: str) -> None:
    expect(page.locator("#verdict")).to_have_text(text, timeout=SOON)


def test_twenty_requests_sent_in_an_outage_all_get_their_link_after_it(console: Page) -> None:
    switch(console, "Outage")
    send(console, "twenty requests")
    expect_sum(console, "20 sent = 0 results + 20 waiting + 0 parked. Nothing is lost.")
    expect(row(console, "unavailable").first).to_be_visible(timeout=SOON)

    switch_off(console, "Outage")

    expect_sum(console, "20 sent = 20 results + 0 waiting + 0 parked. Nothing is lost.")
    links = row(console, "created").get_by_role("link")
    expect(links).to_have_count(20)
    assert len({link.get_attribute("href") for link in links.all()}) == 20
    titles = console.locator(".title").all_inner_texts()
    assert sorted(titles) == [f"visit-{number:03}" for number in range(1, 21)]


def test_a_pasted_event_is_previewed_and_sent_on_a_phone_and_its_row_shows_every_step(console: Page) -> None:
    console.set_viewport_size({"width": 390, "height": 844})
    console.get_by_role("tab", name="Send").click()
    console.get_by_label("Paste an event").fill(ORDER.replace("1005", "7007"))
    expect(console.locator("#own-preview")).to_contain_text('"reference": "7007"')
    console.get_by_role("button", name="Send to the event bus").click()

    console.get_by_role("button", name="Show it").click()

    expect(console.locator("#rows")).to_be_visible()
    expect(row(console, "created")).to_be_visible(timeout=SOON)
    steps = console.locator(".life b")
    expect(steps).to_have_text(["Received", "Token", "Call", "Answer", "Ledger", "Result"], timeout=SOON)
    times = console.locator(".life time").all_inner_texts()
    assert times == sorted(times)
    names = console.locator("#rows .text summary").all_inner_texts()
    texts = dict(zip(names, console.locator("#rows .text pre").all_text_contents(), strict=True))
    assert '"DetailType": "Order Paid"' in texts["Request"]
    assert '"idempotency_key": "order-paid-7007"' in texts["What it becomes"]
    assert '"schema": "personal-link-result/1"' in texts["Result"]
    assert '"message":"outcome"' in texts["Log lines"]


def test_the_preview_of_a_pasted_event_that_matches_no_entry_says_why(console: Page) -> None:
    console.get_by_label("Paste an event").fill(ORDER.replace("Order Paid", "Order Lost"))

    expect(console.locator("#own-preview .wrong")).to_contain_text("No entry takes this event")
    expect(console.locator("#own-preview .wrong")).to_contain_text("The rule does not listen to Order Lost")


def test_a_lost_answer_with_the_duplicate_rule_on_ends_as_unknown(console: Page) -> None:
    switch(console, "Lost answers")
    switch(console, "Duplicate rule")
    send(console, "Checkout completed")
    expect(row(console, "no_answer")).to_be_visible(timeout=SOON)

    switch_off(console, "Lost answers")

    expect(row(console, "unknown: outcome_unknown")).to_be_visible(timeout=SOON)


def test_every_sample_gets_an_outcome_and_every_valid_one_a_link(console: Page) -> None:
    for sample in samples():
        send(console, sample.label)

    expect(count(console, "all")).to_have_text(str(len(samples())))
    expect(count(console, "waiting")).to_have_text("0", timeout=SOON)
    expect(console.locator("#verdict")).to_contain_text("Nothing is lost.")
    expect(row(console, "parked: invalid_request")).to_contain_text("Malformed message")
    expect(row(console, "rejected: validation_failed")).to_contain_text("call-1004")
    for name in ("ticket-1001", "HTTP, form", "Zendesk ticket solved", "order-1002", "call-1003"):
        expect(row(console, name).get_by_role("link")).to_be_visible()


def test_an_http_call_in_an_outage_shows_the_503_that_its_caller_gets(console: Page) -> None:
    switch(console, "Outage")
    send(console, "HTTP, JSON")

    expect_sum(console, "1 sent = 0 results + 0 waiting + 0 parked + 1 HTTP error. Nothing is lost.")
    expect(row(console, "503 unavailable")).to_contain_text("the caller may retry with the same key")


# make local


@pytest.mark.parametrize("port", ["99999", "x", "-1"])
def test_a_value_that_is_not_a_port_is_named_in_the_error(port: str) -> None:
    with pytest.raises(SandboxError, match=f"^PORT={port} is no port: choose 1 to 65535$"):
        free(port, "PORT")


def test_a_port_that_is_taken_is_reported_in_one_line_before_the_console_starts() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        told = start("--console-port", taken).communicate(timeout=60)[0]

    assert told == f"\nerror: CONSOLE_PORT={taken} is taken: stop what uses it, or choose another one\n"


def test_the_printed_curl_call_works_as_printed(local: Local) -> None:
    [call] = re.findall(r"^curl --aws-sigv4 .*\n.*$", local.printed, re.MULTILINE)
    outputs = 'bin/operate outputs "$STACK"'  # as in docs/operation.md

    answer = subprocess.run(
        ["/bin/sh", "-ec", f". ./local.env\n{call}\n{outputs}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert '"survey_link"' in answer.stdout, answer.stderr
    assert "RequestsQueueUrl" in answer.stdout, answer.stderr
    assert SETTINGS.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("local")
def test_the_certificate_authority_is_kept_from_run_to_run() -> None:
    before = (KEPT / "authority.pem").read_bytes()

    with running_emulator(kept=KEPT) as another:
        assert another.authority.read_bytes() == before


def test_the_terminal_and_the_page_report_when_the_emulator_has_ended(page: Page, local: Local) -> None:
    page.goto(local.url)
    expect(page.locator("#connection")).to_have_text("Live")

    os.kill(emulator_of(local), signal.SIGKILL)

    told = "The emulator is gone; start `make local` again. Its log is .aws-sam/emulator.log."
    expect(page.get_by_role("alert").first).to_have_text(told)
    expect(page.locator("#connection")).to_have_text("Not live")
    assert local.process.stdout is not None
    lines = [local.process.stdout.readline() for _ in range(4)]
    assert f"error: {told}\n" in lines


def emulator_of(local: Local) -> int:
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in listed.splitlines() if "emulator_process.py" in line]
    [pid] = [int(pid) for pid, parent, *_ in found if int(parent) == local.process.pid]
    return pid
