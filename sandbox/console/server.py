"""The console's HTTP server, on loopback and for its own page only.

A page of another site cannot read it (no CORS, and a foreign Host is refused) or press its buttons: they take JSON from
the page's own origin only, which no form and no simple request can send.
"""

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from sandbox.aws.emulator import EmulatorGone, SandboxError
from sandbox.console.controller import UnknownAction
from sandbox.console.page_state import FILTERS

PAGE = Path(__file__).with_name("page")
SCRIPTS = ("console", "dom", "faults", "requests", "send", "server", "tabs")
FILES: Mapping[str, tuple[str, str]] = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{f"/{name}.css": (f"{name}.css", "text/css; charset=utf-8") for name in ("look", "console")},
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
MAX_BODY = 512 * 1024  # a pasted event in JSON; EventBridge takes 256 KiB
MAX_ROWS = 1000
ACTIONS = "/actions/"
REQUESTS = "/requests/"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Console(Protocol):
    """The state of the page and the actions of its buttons."""

    def state(self, show: str, most: int) -> dict[str, object]:
        """Return the state of the page with at most this many rows of a filter."""
        ...

    def samples(self) -> dict[str, object]:
        """Return the samples."""
        ...

    def request(self, key: str) -> dict[str, object]:
        """Return the life of a request."""
        ...

    def do(self, action: str, fields: Mapping[str, Any]) -> dict[str, object]:
        """Run a button's action and return what the page says of it."""
        ...


class ConsoleServer(socketserver.ThreadingTCPServer):
    """Serve a console. http.server.HTTPServer would look up the host's name, which may take seconds."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, console: Console, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        self.console = console

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.socket.getsockname()[1])

    @property
    def hosts(self) -> set[str]:
        """The allowed Host headers."""
        return {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that disconnected."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(console: Console, port: int | None = None) -> Iterator[str]:
    """Serve a console on the given port, or on a free one, and yield its address."""
    try:
        server = ConsoleServer(console, port or 0)
    except (OSError, OverflowError) as error:
        raise SandboxError(f"CONSOLE_PORT={port}: the console cannot listen there: {error}") from None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Exchange(BaseHTTPRequestHandler):
    """One request of a browser."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: ConsoleServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
        """Write nothing into the demo's terminal."""

    def do_GET(self) -> None:
        """Answer with a file of the page, the state, the samples or a request."""
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "This console is on loopback alone.")
        elif self.path in FILES:
            name, media_type = FILES[self.path]
            self._send(HTTPStatus.OK, (PAGE / name).read_bytes(), media_type)
        elif self.path == "/samples":
            self._answer_with(self.server.console.samples)
        elif self.path.startswith(REQUESTS):
            self._answer_with(lambda: self.server.console.request(self.path.removeprefix(REQUESTS)))
        elif self.path.partition("?")[0] == "/state":
            self._state(parse_qs(self.path.partition("?")[2]))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def do_POST(self) -> None:
        """Run a button's action."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Host") not in self.server.hosts or not self._is_from_the_page():
            self._refuse(HTTPStatus.FORBIDDEN, "Only the console's own page may do that.")
        elif self.headers.get_content_type() != "application/json" or "Content-Type" not in self.headers:
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "It takes JSON.")
        elif not (length.isascii() and length.isdigit() and int(length) <= MAX_BODY):
            self._refuse(HTTPStatus.CONTENT_TOO_LARGE, f"It takes at most {MAX_BODY} bytes.")
        elif not self.path.startswith(ACTIONS):
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
        else:
            self._do(self.path.removeprefix(ACTIONS), self.rfile.read(int(length)))

    def _is_from_the_page(self) -> bool:
        """Tell whether the request has the page's origin, or none, as from curl."""
        origin = self.headers.get("Origin")
        return origin is None or origin == f"http://{self.headers.get('Host')}"

    def _state(self, query: Mapping[str, list[str]]) -> None:
        show, most = (query.get(name, [default])[-1] for name, default in (("show", "all"), ("most", "50")))
        if show not in FILTERS or not (most.isascii() and most.isdigit() and int(most[:9]) <= MAX_ROWS):
            message = f"show is one of {', '.join(FILTERS)}; most is a number up to {MAX_ROWS}."
            self._refuse(HTTPStatus.BAD_REQUEST, message)
        else:
            self._answer_with(lambda: self.server.console.state(show, int(most)))

    def _do(self, action: str, body: bytes) -> None:
        try:
            fields = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            self._answer_with(lambda: self.server.console.do(action, fields))
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")

    def _answer_with(self, content: Callable[[], Mapping[str, object]]) -> None:
        try:
            answer = content()
        except UnknownAction as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except EmulatorGone as error:
            self._refuse(HTTPStatus.GONE, str(error))
        except SandboxError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        else:
            self._answer(HTTPStatus.OK, answer)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # its body may be unread
        self._answer(status, {"message": message})

    def _answer(self, status: HTTPStatus, content: Mapping[str, object]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, media_type: str) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": media_type, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
