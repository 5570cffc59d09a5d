"""The page of a survey link: plain HTML that loads nothing, sends nothing and shows no contact."""

from collections.abc import Container

from sandbox.customergauge.replies import Reply

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

LAYOUT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>:root {{ color-scheme: light dark; font: 1.1rem/1.5 sans-serif; margin: 12vh auto; max-width: 44rem }}</style>
<h1>{title}</h1>
{content}
</html>
"""
SCALE = "\n".join(f'<label><input type="radio" name="score">{n}</label>' for n in range(11))
QUESTION = f"""<form>
<p>How likely are you to recommend us to a friend or colleague? 0 is not at all likely, 10 is extremely likely.</p>
{SCALE}
<p>This is a sandbox survey: your answer stays on this page.</p>
</form>"""


def _page(status: int, title: str, content: str) -> Reply:
    return Reply(status, LAYOUT.format(title=title, content=content), HEADERS)


SURVEY = _page(200, "Your opinion", QUESTION)
NO_SURVEY = _page(404, "No such survey", "<p>This link leads nowhere.</p>")
FRONT = _page(200, "CustomerGauge sandbox", "<p>It makes survey links.</p>")


def page(method: str, path: str, surveys: Container[str]) -> Reply:
    """Answer a browser: a survey by its long or short link, the front page, or not found."""
    if method not in {"GET", "HEAD"}:
        return Reply(405, headers={"Allow": "GET, HEAD"})
    if path == "/":
        return FRONT
    kind, key = path[:3], path[3:]
    return SURVEY if kind in {"/r/", "/s/"} and key in surveys else NO_SURVEY
