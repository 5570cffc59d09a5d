"""On the emulator alone: an address for the stand-in's function URL, whose own host name exists only on AWS."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sandbox.aws.emulator import opener_that_trusts


@contextmanager
def bridge_to(function_url: str, authority: str) -> Iterator[str]:
    """Pass calls on to a function URL of the emulator during a `with` block, and yield the address to call."""
    opener = opener_that_trusts(Path(authority))

    class Bridge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            """Write nothing."""

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            kept = {name: value for name, value in self.headers.items() if name not in {"Host", "Connection"}}
            request = urllib.request.Request(function_url + self.path, body, kept, method=self.command)  # noqa: S310 - https
            try:
                answer = opener.open(request, timeout=20)
            except urllib.error.HTTPError as refusal:
                answer = refusal
            with answer:
                content = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Retry-After"):
                    if value := answer.headers.get(name):
                        self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST = pass_on  # noqa: N815 - the names are inherited

    with ThreadingHTTPServer(("127.0.0.1", 0), Bridge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
