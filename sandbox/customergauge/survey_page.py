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
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; --accent: #1a5fb4 }}
  body {{ max-width: 44rem; margin: 12vh auto; padding: 0 1rem }}
  fieldset {{ border: 0; margin: 0; padding: 0 }}
  legend {{ font-size: 1.5rem; font-weight: 600; margin-bottom: 1rem }}
  .scale {{ display: flex; flex-wrap: wrap; gap: .4rem }}
  .scale label {{ position: relative; min-width: 3rem; padding: .6rem 0; text-align: center; cursor: pointer;
                 border: 1px solid; border-radius: .5rem }}
  .scale input {{ position: absolute; inset: 0; margin: 0; opacity: 0; cursor: pointer }}
  .scale label:has(:checked) {{ background: var(--accent); border-color: var(--accent); color: #fff }}
  .scale label:has(:focus-visible) {{ outline: 3px solid var(--accent); outline-offset: 2px }}
  .thanks {{ visibility: hidden }}
  fieldset:has(:checked) ~ .thanks {{ visibility: visible }}
</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""

QUESTION = """<form>
<fieldset>
<legend>How likely are you to recommend us to a friend or colleague?</legend>
<p>0 is not at all likely, 10 is extremely likely.</p>
<div class="scale">
{scale}
</div>
</fieldset>
<p class="thanks">Thank you. This is a sandbox survey: your answer stays on this page.</p>
</form>"""

SCALE = "\n".join(f'<label><input type="radio" name="score" value="{n}">{n}</label>' for n in range(11))


def _page(status: int, title: str, content: str) -> Reply:
    return Reply(status, LAYOUT.format(title=title, content=content), HEADERS)


SURVEY = _page(200, "Your opinion", QUESTION.format(scale=SCALE))
NO_SURVEY = _page(404, "No such survey", "<h1>No such survey</h1>\n<p>This link leads nowhere.</p>")
FRONT = _page(200, "CustomerGauge sandbox", "<h1>CustomerGauge sandbox</h1>\n<p>It makes survey links.</p>")


def page(method: str, path: str, surveys: Container[str]) -> Reply:
    """Answer a browser: a survey by its long or short link, the front page, or not found."""
    if method not in {"GET", "HEAD"}:
        return Reply(405, headers={"Allow": "GET, HEAD"})
    if path == "/":
        return FRONT
    kind, key = path[:3], path[3:]
    return SURVEY if kind in {"/r/", "/s/"} and key in surveys else NO_SURVEY
