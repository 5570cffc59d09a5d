"""The HTTP server of the sandbox: read calls, send replies, and break connections where a reply says so."""

import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from sandbox.customergauge.call import Call
from sandbox.customergauge.replies import Reply, phrase

MAX_BODY = 8 * 1024 * 1024  # PHP's post_max_size
NO_LINGER = struct.pack("ii", 1, 0)


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Listen on a loopback port, with one thread per connection.

    http.server.HTTPServer would look up the host's name, which may take seconds.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.socket.getsockname()[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnected; print any other error, which is a bug of the sandbox."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class VendorServer(LoopbackServer):
    """Serve `answer`."""

    def __init__(
        self,
        port: int,
        answer: Callable[[Call], Reply],
        numbering: Iterator[int],
        tls: ssl.SSLContext | None,
        sent: Callable[[Call, Reply], None] = lambda _call, _reply: None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        if tls:  # the handshake runs in the connection's thread, so a slow client does not block others
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.answer = answer
        self.sent = sent
        self.numbering = numbering
        self.stopping = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Accept connections."""
        self._accepting.start()

    def stop(self) -> None:
        """End every exchange, also a hanging one, and close all threads and sockets."""
        self.stopping.set()
        self.shutdown()
        self._accepting.join()
        self.server_close()
        for thread, connection in self._open.copy().items():
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # below TLS: wakes the reading thread
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that stop() can wait for."""
        serving = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=serving, daemon=True)
        self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(threading.current_thread(), None)


class _Exchange(BaseHTTPRequestHandler):
    """Serve the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: VendorServer

    def setup(self) -> None:
        super().setup()
        self.number = next(self.server.numbering)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
        """Write nothing: a request may hold secrets or personal data."""

    def _exchange(self) -> None:
        body = self._read_body()
        if isinstance(body, Reply):
            self.close_connection = True  # the rest of the request is still unread
            self._send(body)
        else:
            call = Call(self.command, self.path, self.headers, body, self.number)
            reply = self.server.answer(call)
            try:
                self._send(reply)
            finally:
                self.server.sent(call, reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _exchange  # noqa: N815  # http.server wants these names

    def _read_body(self) -> bytes | Reply:
        if "Transfer-Encoding" in self.headers:
            return Reply.error(411)
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            return Reply.error(400)
        return self.rfile.read(int(length)) if int(length) <= MAX_BODY else Reply.error(413)

    def _send(self, reply: Reply) -> None:
        for hint in reply.hints:
            self.wfile.write(f"HTTP/1.1 {hint} {phrase(hint)}\r\n\r\n".encode())
        if self.server.stopping.wait(reply.delay):
            self.close_connection = True
            return
        head, body = self._rendered(reply)
        match reply.fault:
            case None | "no_length":
                self.wfile.write(head + body)
            case "drip_body":
                self.wfile.write(head)
                self._drip(body, reply.interval)
            case "truncated":
                self.wfile.write(head + body[: len(body) // 2])
                self.close_connection = True
            case "close":
                self.close_connection = True
            case "hang":
                self.server.stopping.wait()
                self.close_connection = True
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                self.connection.close()  # socketserver would shut the connection down in order
                self.close_connection = True

    def _rendered(self, reply: Reply) -> tuple[bytes, bytes]:
        body, headers = reply.content()
        status = reply.status or 200
        if reply.fault == "no_length":
            self.close_connection = True
        elif status >= 200 and status not in {204, 304}:
            length = max(1, len(body)) if reply.fault == "truncated" else len(body)
            headers.setdefault("Content-Length", str(length))
        headers.setdefault("Date", self.date_time_string())
        if self.close_connection:
            headers.setdefault("Connection", "close")
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} {phrase(status)}\r\n{fields}\r\n"
        return head.encode("latin-1"), b"" if self.command == "HEAD" else body

    def _drip(self, data: bytes, interval: float) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            if self.server.stopping.wait(interval):
                self.close_connection = True
                return
