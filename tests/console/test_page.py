"""The page, in a real browser: everybody can read and work it, and nothing that it shows can work the page."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIResponse, Page, Route, expect

from sandbox.console.server import serving
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import SandboxError
from tests.console.screenshot import PICTURE
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


def test_what_waits_says_why_and_until_when(open_page: Page) -> None:
    [late] = [card for card in lane(open_page, "waiting") if card.startswith(HOSTILE)]

    assert "unavailable" in late
    assert re.search(r"queue, request · for \d+\ss · 2 tries · retry in \d+\ss", late)
    [in_hand] = [card for card in lane(open_page, "waiting") if card.startswith("order-2")]
    assert "in flight" in in_hand


def test_a_result_has_its_status_its_code_and_its_link(open_page: Page) -> None:
    results = " ".join(lane(open_page, "results"))

    assert "created" in results
    assert "rejected: validation_failed" in results
    assert "unknown: outcome_unknown" in results
    link = open_page.get_by_role("link", name="Survey link of visit-023")
    expect(link).to_have_attribute("href", "http://127.0.0.1/r/result-23-0123456789abcdef0123456789abcdef0123456789")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_an_http_error_has_its_status_and_code(open_page: Page) -> None:
    [card] = lane(open_page, "answered")

    assert "ticket-1" in card
    assert "503 unavailable" in card


def test_the_calls_have_their_status_and_how_long_they_took(open_page: Page) -> None:
    rows = [row.locator("td").all_inner_texts()[1:3] for row in open_page.locator("#calls tr").all()]

    assert rows == [["link", "503"], ["link", "200"], ["token", "200"]]
    expect(open_page.locator("#calls tr").first.locator("td").last).to_contain_text("ms")
    expect(open_page.locator("#vendor-sum")).to_have_text("1 token given, 1 survey record made.")


def test_it_moves_by_itself(open_page: Page, console: StillConsole) -> None:
    console.journal.sent("sqs", "Request", 0, "newcomer", "newcomer")

    expect(open_page.locator("#count-sent")).to_have_text("30")
    expect(open_page.locator("#waiting")).to_contain_text("newcomer")


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


def test_every_sample_has_a_button_that_sends_it(open_page: Page, console: StillConsole) -> None:
    names = [button.get_attribute("data-sample") for button in open_page.locator("[data-sample]").all()]
    for name in names:
        with open_page.expect_response("**/actions/send"):
            open_page.locator(f'[data-sample="{name}"]').click()

    expect(open_page.get_by_role("group", name="Queue message").get_by_role("button", name="Malformed")).to_be_visible()
    assert len(names) >= 6
    assert console.pressed == [("send", {"sample": name}) for name in names]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Outage", "outage"),
        ("Rate limit", "rate-limit"),
        ("Lost answers", "lost-answers"),
        ("Duplicate rule", "duplicates"),
    ],
)
def test_a_switch_says_whether_it_is_on(open_page: Page, console: StillConsole, label: str, name: str) -> None:
    switch = open_page.get_by_role("button", name=label, exact=True)
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(switch).to_contain_text("off")

    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(switch).to_contain_text("on")

    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert console.pressed == [("switch", {"name": name, "on": True}), ("switch", {"name": name, "on": False})]


def test_a_look_that_was_overtaken_by_a_press_draws_nothing(open_page: Page) -> None:
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    with open_page.expect_request("**/state"):
        open_page.route("**/state", hold_the_first)
    switch = open_page.locator("[data-switch=outage]")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    open_page.evaluate(
        "window.flickers = 0; new MutationObserver(() => window.flickers += switched.ariaPressed === 'false')"
        ".observe(window.switched = document.querySelector('[data-switch=outage]'), {attributes: true})"
    )

    [(route, as_it_was)] = held
    with open_page.expect_response("**/state"):
        route.fulfill(response=as_it_was)
    with open_page.expect_request("**/state"):  # the held one is dealt with before the next is asked for
        pass

    assert open_page.evaluate("window.flickers") == 0


def test_a_rotated_secret_is_filled_in_by_the_same_button(open_page: Page, console: StillConsole) -> None:
    open_page.get_by_role("button", name="Rotate the client secret").click()
    open_page.get_by_role("button", name="Fill in the new secret").click()

    expect(open_page.get_by_role("button", name="Rotate the client secret")).to_be_visible()
    assert console.pressed == [("switch", {"name": "secret", "on": True}), ("switch", {"name": "secret", "on": False})]


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


def test_the_picture_in_the_readme_is_a_small_one() -> None:
    assert PICTURE.stat().st_size < 150_000
