"""The page, in a real browser: everybody can read and work it, and nothing that it shows can work the page."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from sandbox.console.server import serving
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import SandboxError
from tests.console.still_console import HOSTILE, StillConsole, busy
from tests.sandbox.sandbox_client import JOE, Client


@pytest.fixture
def console() -> Iterator[StillConsole]:
    with CustomerGaugeSandbox() as vendor:
        client = Client(vendor)
        client.put(JOE)
        vendor.faults.switch("outage", on=True)
        client.put(JOE)
        client.wire.close()
        yield busy(vendor)


@pytest.fixture
def open_page(page: Page, console: StillConsole) -> Iterator[Page]:
    with serving(console) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_have_text("Live")
        yield page


def lane(page: Page, name: str) -> list[str]:
    return page.locator(f"#{name} .card").all_inner_texts()


# what it shows


def test_the_sum_is_shown_plainly(open_page: Page) -> None:
    expect(open_page.locator("#verdict")).to_have_text(
        "29 sent = 13 results + 14 waiting + 1 parked + 1 HTTP error. Nothing is lost."
    )
    counts = {name: open_page.locator(f"#count-{name}").inner_text() for name in COUNTS}
    assert counts == COUNTS
    expect(open_page.locator("#bar .missing")).to_have_css("flex-grow", "0")


COUNTS = {"sent": "29", "results": "13", "waiting": "14", "parked": "1", "answered": "1"}


def test_what_is_nowhere_is_said(open_page: Page, console: StillConsole) -> None:
    console.journal.sent("sqs", "Request", 0, "gone", "gone")

    expect(open_page.locator("#verdict")).to_contain_text("+ 1 missing: another consumer took them")
    expect(open_page.locator("#verdict")).not_to_contain_text("Nothing is lost")


def test_without_a_server_it_says_so(page: Page, console: StillConsole) -> None:
    with serving(console) as url:
        page.goto(url)
        expect(page.locator("#connection")).to_have_text("Live")
        page.route("**/state", lambda route: route.abort())

        expect(page.locator("#connection")).to_have_text("No connection. Is make local still running?")


# what it must not do


def test_hostile_text_is_text_everywhere(open_page: Page) -> None:
    for place in ("waiting", "results", "parked"):
        assert HOSTILE in " ".join(lane(open_page, place)), place
    assert open_page.locator("img").count() == 0
    assert open_page.title() == "Personal Link console"


def test_a_link_that_is_no_web_address_is_none(open_page: Page) -> None:
    card = open_page.locator("#results .card", has_text="odd")

    expect(card).to_be_visible()
    assert card.get_by_role("link").count() == 0


def test_no_secret_and_no_token_gets_to_the_page(open_page: Page, console: StillConsole) -> None:
    told = open_page.request.get(f"{open_page.url}state").text()

    assert console.vendor.client_secret not in told
    for call in console.vendor.calls("personal-link"):
        assert call.headers["Authorization"].split()[1] not in told


# its buttons


def test_what_cannot_be_done_is_told_at_once(open_page: Page, console: StillConsole) -> None:
    console.failure = SandboxError(HOSTILE)
    open_page.get_by_role("button", name="Revoke all tokens").click()
    expect(open_page.get_by_role("alert")).to_have_text(HOSTILE)

    console.failure = None
    open_page.get_by_role("button", name="Revoke all tokens").click()
    expect(open_page.get_by_role("alert")).to_be_hidden()


# everybody


def test_it_can_be_worked_by_keyboard_alone(open_page: Page, console: StillConsole) -> None:
    reached = []
    for _ in range(80):
        open_page.keyboard.press("Tab")
        focused = open_page.locator(":focus")
        if focused.count() == 0:  # past the last one
            break
        name = focused.evaluate("it => it.dataset.switch ?? it.dataset.sample ?? (it.id || it.tagName.toLowerCase())")
        if name in reached:
            break
        if name != "a":
            reached.append(name)
            assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid", name
        if name in {"send-many", "outage"}:
            with open_page.expect_response("**/actions/*"):
                open_page.keyboard.press("Enter" if name == "send-many" else "Space")

    buttons = {"send-many", "outage", "rate-limit", "lost-answers", "duplicates", "revoke", "secret", "clear"}
    assert set(reached) >= buttons | {"sqs_malformed.txt", "http_form.txt", "waiting"}
    expect(open_page.locator("[data-switch=outage]")).to_have_attribute("aria-pressed", "true")
    assert [action for action, _ in console.pressed] == ["send-many", "switch"]


def test_the_first_tab_leads_past_the_buttons(open_page: Page) -> None:
    open_page.keyboard.press("Tab")
    open_page.keyboard.press("Enter")

    expect(open_page.locator("#requests")).to_be_focused()


def test_the_focus_stays_where_it_is_while_the_page_moves(open_page: Page, console: StillConsole) -> None:
    link = open_page.get_by_role("link", name="Survey link of visit-020")
    link.focus()

    console.journal.sent("sqs", "Request", 0, "newcomer", "newcomer")
    expect(open_page.locator("#count-sent")).to_have_text("30")

    expect(link).to_be_focused()


def test_a_screen_reader_hears_the_sum_when_it_changes(open_page: Page, console: StillConsole) -> None:
    live = open_page.locator("[aria-live=polite]")
    expect(live).to_have_text("29 sent = 13 results + 14 waiting + 1 parked + 1 HTTP error. Nothing is lost.")

    console.queues = type(console.queues)(results=console.queues.results, parked=console.queues.parked)
    console.journal.sent("sqs", "Request", 0, "newcomer", "newcomer")

    expect(live).to_contain_text("30 sent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(page: Page, console: StillConsole, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    console.do("switch", {"name": "outage", "on": True})
    console.do("switch", {"name": "secret", "on": True})
    with serving(console) as url:
        page.goto(url)
        expect(page.locator("[data-switch=outage]")).to_have_attribute("aria-pressed", "true")

        found = Axe().run(page)

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    assert len(found.response["passes"]) > 20


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_has_to_be_scrolled_sideways(open_page: Page, width: int) -> None:
    open_page.set_viewport_size({"width": width, "height": 800})

    assert open_page.evaluate("document.documentElement.scrollWidth") == width
    assert open_page.evaluate(BEYOND) == []


BEYOND = """
    [...document.querySelectorAll('section, ol, .card, table, button')]
        .filter(it => it.getBoundingClientRect().right > document.querySelector('.sheet').getBoundingClientRect().right)
        .map(it => it.outerHTML)
"""


def test_it_is_still_for_those_who_want_it_still(open_page: Page) -> None:
    assert open_page.evaluate("document.getAnimations().length") == 0
    expect(open_page.locator("#bar .results")).to_have_css("transition-duration", "0s")
