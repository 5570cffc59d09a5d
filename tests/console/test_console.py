"""The console on the deployed stack, in a browser: what goes wrong makes requests wait, and nothing is lost."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout

import pytest
from playwright.sync_api import Page, expect

from sandbox.console.controller import Controller
from sandbox.console.samples import samples
from sandbox.console.server import serving
from sandbox.demo import try_every_trigger
from sandbox.environment import Environment, running_environment

SOON = 60_000  # ms: the first back-offs are a few seconds, a rest after some failures up to a minute
AFTER_MINUTES = 400_000  # a request whose retries have backed off far
ALL_SAMPLES = len(samples())


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with ExitStack() as stage:
        with redirect_stdout(io.StringIO()):  # the demo shows links, which no test may print
            an_environment = stage.enter_context(running_environment())
            try_every_trigger(an_environment)
        yield an_environment


@pytest.fixture
def console(page: Page, environment: Environment) -> Iterator[Page]:
    """Open a console that has seen nothing yet; whatever a test switched on is off again after it."""
    with serving(Controller(environment)) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_have_text("Live")
        yield page
        environment.vendor.faults.clear()
        environment.vendor.duplicate_rule = "off"
        expect(page.locator("#count-waiting")).to_have_text("0", timeout=AFTER_MINUTES)
        page.get_by_role("button", name="Delete results and parked").click()
        expect(page.locator("#count-sent")).to_have_text("0")
    assert environment.stack.leftovers() == {}


def switch(console: Page, name: str) -> None:
    button = console.get_by_role("button", name=name, exact=True)
    before = button.get_attribute("aria-pressed")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false" if before == "true" else "true")


def send(console: Page, label: str, way: str = "Event") -> None:
    with console.expect_response("**/actions/send"):
        console.get_by_role("group", name=way).get_by_role("button", name=label, exact=True).click()


def expect_sum(console: Page, text: str, timeout: float = SOON) -> None:
    expect(console.locator("#verdict")).to_have_text(text, timeout=timeout)


def test_twenty_requests_wait_for_the_end_of_an_outage_and_none_is_lost(
    console: Page, environment: Environment
) -> None:
    made = len(environment.vendor.links)
    switch(console, "Outage")
    console.get_by_role("button", name="Send twenty requests").click()
    expect_sum(console, "20 sent = 0 results + 20 waiting + 0 parked. Nothing is lost.")
    expect(console.locator("#waiting .badge", has_text="unavailable").first).to_be_visible(timeout=SOON)
    expect(console.locator("#calls .status", has_text="503").first).to_be_visible()
    expect(console.locator("#count-results")).to_have_text("0")

    switch(console, "Outage")

    expect_sum(console, "20 sent = 20 results + 0 waiting + 0 parked. Nothing is lost.")
    links = console.locator("#results .card", has_text="created").get_by_role("link")
    expect(links).to_have_count(20)
    addresses = {link.get_attribute("href") for link in links.all()}
    assert addresses == {link.survey_link for link in environment.vendor.links[made:]}
    assert len(addresses) == 20
    titles = console.locator("#results .title").all_inner_texts()
    assert sorted(titles) == [f"visit-{number:03}" for number in range(1, 21)]


def test_a_lost_answer_under_a_duplicate_rule_is_an_unknown_outcome(console: Page) -> None:
    switch(console, "Lost answers")
    switch(console, "Duplicate rule")
    send(console, "Checkout completed")
    expect(console.locator("#waiting .card", has_text="no_answer")).to_be_visible(timeout=SOON)

    switch(console, "Lost answers")

    expect(console.locator("#results .card", has_text="unknown: outcome_unknown")).to_be_visible(timeout=SOON)
    switch(console, "Duplicate rule")


def test_every_sample_button_ends_in_a_lane(console: Page) -> None:
    for sample in samples():
        with console.expect_response("**/actions/send"):
            console.locator(f'[data-sample="{sample.name}"]').click()

    expect(console.locator("#count-sent")).to_have_text(str(ALL_SAMPLES))
    expect(console.locator("#count-waiting")).to_have_text("0", timeout=SOON)
    expect(console.locator("#verdict")).to_contain_text("Nothing is lost.")
    parked = console.locator("#parked .card")
    expect(parked).to_contain_text("Malformed")
    expect(parked).to_contain_text("invalid_request")
    refused = console.locator("#results .card", has_text="call-1004")
    expect(refused).to_contain_text("rejected: validation_failed")
    for reference in ("ticket-1001", "Form", "order-1002", "call-1003"):
        expect(console.locator("#results .card", has_text=reference).get_by_role("link")).to_be_visible()


def test_an_http_call_in_an_outage_is_told_to_its_caller(console: Page) -> None:
    switch(console, "Outage")
    send(console, "Put", "HTTP call")

    expect_sum(console, "1 sent = 0 results + 0 waiting + 0 parked + 1 HTTP error. Nothing is lost.")
    expect(console.locator("#answered .card")).to_contain_text("503 unavailable")
