"""`make screenshot`: the console in an outage, some requests done and twenty waiting, as docs/console.png shows it."""

from playwright.sync_api import ViewportSize, expect, sync_playwright

from sandbox.console.controller import Controller
from sandbox.console.server import serving
from sandbox.demo import try_every_trigger
from sandbox.environment import run, running_environment, say
from sandbox.template import REPOSITORY
from tests.console.conftest import chromium

PICTURE = REPOSITORY / "docs" / "console.png"
SIZE: ViewportSize = {"width": 1080, "height": 744}
SENT_BEFORE = ("http_put.json", "eventbridge_checkout_completed.json", "sqs_refused.json", "sqs_malformed.txt")


def take() -> None:
    """Take it."""
    with running_environment() as environment, sync_playwright() as playwright:
        try_every_trigger(environment)
        with serving(Controller(environment)) as url, chromium(playwright) as browser:
            page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
            page.goto(url)
            for sample in SENT_BEFORE:
                page.locator(f'[data-sample="{sample}"]').click()
            expect(page.locator("#count-parked")).to_have_text("1", timeout=60_000)
            expect(page.locator("#count-results")).to_have_text("3", timeout=60_000)
            page.get_by_role("button", name="Outage").click()
            page.get_by_role("button", name="Send twenty requests").click()
            expect(page.locator("#waiting .badge", has_text="unavailable")).to_have_count(20, timeout=60_000)
            page.mouse.move(0, 0)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=PICTURE)
    say(f"\n{PICTURE.relative_to(REPOSITORY)}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    run(take)
