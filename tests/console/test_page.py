"""The page in a real browser: its content, its security and its accessibility."""

from collections.abc import Iterator
from contextlib import suppress
from http.client import RemoteDisconnected
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from sandbox.aws.emulator import EmulatorGone, SandboxError
from sandbox.console.server import serving
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.console.still_console import HOSTILE, StillConsole, busy
from tests.sandbox.sandbox_client import JOE, Client

SUM = "29 sent = 13 results + 14 waiting + 1 parked + 1 HTTP error. Nothing is lost."
WIDE = 960  # pixels: from here on the requests are always shown
GONE = "The emulator is gone; start `make local` again. Its log is .aws-sam/emulator.log."


@pytest.fixture
def console() -> Iterator[StillConsole]:
    with CustomerGaugeSandbox() as vendor:
        client = Client(vendor)
        client.put(JOE)
        vendor.faults.switch("outage", on=True)
        client.put(JOE)
        vendor.faults.clear()
        vendor.faults.switch("lost-answers", on=True)
        with suppress(RemoteDisconnected):
            client.put(JOE)
        client.wire.close()
        yield busy(vendor)


@pytest.fixture
def open_page(page: Page, console: StillConsole) -> Iterator[Page]:
    with serving(console) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_have_text("Live")
        yield page


def row(page: Page, text: str) -> Locator:
    return page.locator(".row", has_text=text)


def show(page: Page, name: str) -> None:
    page.get_by_role("group", name="Show").get_by_role("button", name=name).click()


# Content


def test_the_page_shows_how_many_requests_are_sent_ended_waiting_and_parked(open_page: Page) -> None:
    expect(open_page.locator("#verdict")).to_have_text(SUM)
    assert open_page.locator(".filters button").all_inner_texts() == [
        "29\nsent", "13\nresults", "14\nwaiting", "1\nparked", "1\nHTTP errors",
    ]  # fmt: skip
    expect(open_page.locator("#bar .missing")).to_have_css("flex-grow", "0")


def test_each_filter_shows_only_the_requests_in_its_state(open_page: Page) -> None:
    for name, number in {"results": 13, "waiting": 14, "parked": 1, "HTTP errors": 1, "sent": 29}.items():
        show(open_page, name)
        expect(open_page.locator(".row")).to_have_count(number)
        expect(open_page.locator(".filters [aria-pressed=true]")).to_contain_text(name)


def test_a_shortened_list_offers_the_number_of_rows_left(open_page: Page, console: StillConsole) -> None:
    for number in range(40):
        console.journal.sent("sqs", "Request", 0, f"more-{number}", f"more-{number}")

    open_page.get_by_role("button", name="Show 19 of 19 more").click()

    expect(open_page.locator(".row")).to_have_count(69)
    expect(open_page.locator("#more")).to_be_hidden()


def test_an_http_error_shows_its_reason_and_if_the_caller_may_retry(open_page: Page, console: StillConsole) -> None:
    expect(row(open_page, "400 invalid_request")).to_contain_text(HOSTILE)
    expect(row(open_page, "400 invalid_request")).not_to_contain_text("may retry")

    answer = next(one.answer for one in console.journal.requests if one.answer)
    object.__setattr__(answer, "status", 503)

    expect(row(open_page, "503 invalid_request")).to_contain_text("the caller may retry with the same key")


def test_a_call_without_an_answer_shows_no_duration(open_page: Page) -> None:
    open_page.get_by_role("tab", name="Faults").click()

    statuses = open_page.locator("#calls tr").filter(has_text="link").all_inner_texts()
    assert [text.split("\t")[2] for text in statuses] == ["no answer", "503", "200"]
    assert statuses[0].split("\t")[3] == ""
    assert statuses[2].split("\t")[3].endswith(" ms")


def test_a_request_found_on_no_queue_is_reported_as_missing(open_page: Page, console: StillConsole) -> None:
    console.journal.sent("sqs", "Request", 0, "gone", "gone")

    expect(open_page.locator("#verdict")).to_contain_text("+ 1 missing: another consumer took them")
    expect(open_page.locator("#verdict")).not_to_contain_text("Nothing is lost")
    expect(row(open_page, "missing")).to_contain_text("Another consumer took it, or no rule matches the event.")


def test_after_the_emulator_ends_the_page_says_what_to_do_and_keeps_its_numbers(
    open_page: Page, console: StillConsole
) -> None:
    console.failure = EmulatorGone(GONE)

    expect(open_page.get_by_role("alert").first).to_have_text(GONE)
    expect(open_page.locator("#connection")).to_have_text("Not live")
    expect(open_page.locator("#verdict")).to_have_text(SUM)


def test_after_the_server_ends_the_page_says_how_to_start_it_again(open_page: Page) -> None:
    open_page.route("**/state?*", lambda route: route.abort())

    expect(open_page.locator("#gone")).to_have_text("make local has ended; start it again.")


# Security


def test_hostile_text_is_shown_as_text_and_never_as_markup(open_page: Page, console: StillConsole) -> None:
    hostile = row(open_page, "CustomerGauge answered HTTP 503")
    hostile.get_by_role("button").first.click()
    hostile.locator("summary", has_text="Request").click()
    expect(hostile.locator("pre").first).to_have_text(HOSTILE)
    open_page.locator("summary", has_text="Malformed message").click()
    open_page.locator("#own").fill(HOSTILE)
    expect(open_page.locator("#own-preview .wrong")).to_have_text(HOSTILE)
    for place in ("waiting", "results", "parked", "HTTP errors"):
        show(open_page, place)
        expect(row(open_page, HOSTILE).first).to_be_visible()
    console.failure = SandboxError(HOSTILE)
    open_page.get_by_role("button", name="Send twenty requests").click()
    expect(open_page.locator("#problem")).to_have_text(HOSTILE)

    assert open_page.locator("img").count() == 0
    assert open_page.title() == "Personal Link console"


def test_a_survey_link_that_is_not_a_web_address_is_not_made_clickable(open_page: Page) -> None:
    expect(row(open_page, "odd")).to_be_visible()
    assert row(open_page, "odd").get_by_role("link").count() == 0


def test_no_secret_and_no_token_reaches_the_page(open_page: Page, console: StillConsole) -> None:
    told = open_page.request.get(f"{open_page.url}state").text()

    assert console.vendor.client_secret not in told
    for call in console.vendor.calls("personal-link"):
        assert call.headers["Authorization"].split()[1] not in told


# Accessibility


def test_the_page_can_be_used_by_keyboard_alone(open_page: Page, console: StillConsole) -> None:
    reached: list[str] = []
    while "row-head" not in reached and len(reached) < 60:
        open_page.keyboard.press("Tab")
        focused = open_page.locator(":focus")
        reached.append(focused.evaluate("it => it.dataset.sample ?? it.dataset.filter ?? (it.id || it.className)"))
        assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid", reached
        if reached[-1] == "send-many":
            with open_page.expect_response("**/actions/*"):
                open_page.keyboard.press("Enter")
    open_page.keyboard.press("Enter")

    expect(open_page.locator(".row .life").first).to_be_visible()
    assert {"skip", "all", "errors", "tab-send", "send-many", "http_put.json", "own", "clear"} - set(reached) == set()
    assert [action for action, _ in console.pressed] == ["send-many"]


def test_arrow_keys_move_between_tabs_and_space_switches_a_fault(open_page: Page, console: StillConsole) -> None:
    open_page.get_by_role("tab", name="Send").focus()
    open_page.keyboard.press("ArrowRight")
    expect(open_page.get_by_role("tab", name="Faults")).to_be_focused()
    open_page.get_by_role("button", name="Outage").press("Space")

    expect(open_page.locator(".banner", has_text="Outage is on.")).to_be_visible()
    open_page.get_by_role("button", name="Switch off: Outage").press("Enter")
    expect(open_page.locator("#banner .banner")).to_have_count(0)
    assert [fields["on"] for _, fields in console.pressed] == [True, False]


def test_the_focus_stays_in_place_when_new_rows_arrive(open_page: Page, console: StillConsole) -> None:
    link = open_page.get_by_role("link", name="Survey link of visit-020")
    link.focus()

    console.journal.sent("sqs", "Request", 0, "newcomer", "newcomer")
    expect(row(open_page, "newcomer")).to_be_visible()

    expect(link).to_be_focused()


def test_new_rows_and_the_sum_are_announced_to_screen_readers(open_page: Page, console: StillConsole) -> None:
    live = open_page.locator("[aria-live=polite]")
    expect(live).to_contain_text(SUM)

    console.journal.sent("sqs", "Request", 0, "newcomer", "newcomer")

    expect(live).to_contain_text("New: newcomer. 30 sent")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (390, "light"), (768, "light"), (1280, "dark")])
def test_axe_finds_no_violation_and_no_width_needs_horizontal_scrolling(
    page: Page, console: StillConsole, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    console.do("switch", {"name": "outage", "on": True})
    with serving(console) as url:
        page.goto(url)
        expect(page.locator(".banner", has_text="Outage is on.")).to_be_visible()
        for tab in ("Requests", "Send", "Faults") if width < WIDE else ("Send", "Faults"):
            page.get_by_role("tab", name=tab).click()
            if tab == "Send":
                page.locator("summary").first.click()
                page.locator("#own").fill(HOSTILE)
                expect(page.locator("#own-preview .wrong")).to_be_visible()
                page.get_by_role("button", name="Send HTTP, JSON").click()
                expect(page.locator("#note")).to_contain_text("Sent HTTP, JSON")
            if tab != "Faults" and page.locator(".row-head").first.is_visible():
                page.locator(".row-head").first.click()
                expect(page.locator(".life li").first).to_be_visible()

            found = Axe().run(page)

            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []
            assert len(found.response["passes"]) > 20
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_has_no_animation_under_reduced_motion(open_page: Page) -> None:
    assert open_page.evaluate("document.getAnimations().length") == 0
    expect(open_page.locator("#bar .results")).to_have_css("transition-duration", "0s")
