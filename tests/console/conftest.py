"""A headless Chromium, and a page in it that lets no mistake of its script and no breach of its policy pass."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from sandbox import REPOSITORY

expect.set_options(timeout=20_000)  # ms: the machine may be busy with other tests


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Run the Chromium or Chrome of this machine. Without one skip the test; where CI is set, fail it."""
    found = subprocess.run(
        ["/bin/sh", REPOSITORY / "sandbox" / "find-browser.sh"], capture_output=True, text=True, check=False
    )
    if found.returncode and not os.environ.get("CI"):
        pytest.skip("no browser on this machine")
    assert found.returncode == 0, found.stderr
    # without its own sandbox, which does not run as root; it visits nothing but the console
    browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=["--no-sandbox"])
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, chromium(playwright) as one:
        yield one


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    a_page = context.new_page()
    mistakes: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            mistakes.append(message.text)

    a_page.on("pageerror", lambda error: mistakes.append(str(error)))
    a_page.on("console", note)
    yield a_page
    context.close()
    assert mistakes == []
