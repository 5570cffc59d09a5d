"""`make screenshot`: the console in an outage, some requests done and twenty waiting, as docs/console.png shows it."""

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from sandbox import REPOSITORY
from sandbox.console.controller import Controller
from sandbox.console.server import serving
from sandbox.demo import try_every_trigger
from sandbox.environment import run, running_environment, say
from tests.console.conftest import chromium

PICTURE = REPOSITORY / "docs" / "console.png"
SIZE: ViewportSize = {"width": 1080, "height": 760}
SENT_BEFORE = ("Malformed message", "Refused request", "Checkout completed", "HTTP, JSON")


def take() -> None:
    """Take it."""
    with running_environment() as environment, sync_playwright() as playwright:
        try_every_trigger(environment)
        with serving(Controller(environment)) as url, chromium(playwright) as browser:
            page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
            page.goto(url)
            fill(page)
            page.screenshot(path=PICTURE)
    say(f"\n{PICTURE.relative_to(REPOSITORY)}: {PICTURE.stat().st_size / 1000:.0f} kB")


def fill(page: Page) -> None:
    """Send some requests, switch the outage on, send twenty more, and open the life of a finished one."""
    for label in SENT_BEFORE:
        with page.expect_response("**/actions/send"):
            page.get_by_role("button", name=f"Send {label}", exact=True).click()
    expect(page.locator("[data-filter=parked] b")).to_have_text("1", timeout=60_000)
    expect(page.locator("[data-filter=results] b")).to_have_text("3", timeout=60_000)
    page.get_by_role("tab", name="Faults").click()
    page.get_by_role("button", name="Outage").click()
    page.get_by_role("tab", name="Send").click()
    page.get_by_role("button", name="Send twenty requests").click()
    expect(page.locator(".badge", has_text="unavailable")).to_have_count(20, timeout=60_000)
    page.locator(".row-head").first.click()
    expect(page.locator(".life li", has_text="Retry").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Close", exact=True).click()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    run(take)
