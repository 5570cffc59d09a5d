"""A server of scripted connections: byte for byte what a healthy server would never say; and calls of it."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import RequestError
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import Scalar

LONGEST: Final = 15.0  # seconds that a server's thread waits for anything
LINK: Final = "https://survey.eu.customergauge.com/r/"
TOKEN: Final = AccessToken("token", 3600, time.time(), time.monotonic())
NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # for plain HTTP; reading the machine's takes 30 ms
NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass
class Server:
    """Where it listens, and what came in."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address without TLS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Its address with TLS."""
        return f"https://127.0.0.1:{self.port}"


class Line:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock = sock
        self.server = server

    def hear(self) -> bytes:
        """Return one request, whole; nothing if the client hung up."""
        text = b""
        while not _is_whole(text):
            part = self.sock.recv(65_536)
            if not part:
                return b""
            text += part
        self.server.requests.append(text)
        return text

    def say(self, text: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(text)

    def hold(self) -> None:
        """Say nothing more, and keep the line open until the test is over."""
        self.server.over.wait(LONGEST)

    def reset(self) -> None:
        """Break the connection off."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self.sock = context.wrap_socket(self.sock, server_side=True)


Talk = Callable[[Line], None]


@contextmanager
def serving(*talks: Talk) -> Iterator[Server]:
    """Serve connections one script each, in the order they come in; what comes after the last one is hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])
        open_lines: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def serve(sock: socket.socket, talk: Talk) -> None:
            line = Line(sock, server)
            with suppress(OSError):  # the client may hang up at any time
                talk(line)
            line.sock.close()

        def accept() -> None:
            scripts = iter(talks)
            with suppress(OSError):  # the listener is closed
                while True:
                    sock, _address = listener.accept()
                    if server.over.is_set():
                        sock.close()
                        return
                    server.connections += 1
                    sock.settimeout(LONGEST)
                    open_lines.append(sock)
                    threads.append(threading.Thread(target=serve, args=(sock, next(scripts, _hang_up))))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            server.over.set()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", server.port), timeout=LONGEST).close()  # wakes accept()
            accepting.join()
            for sock in open_lines:
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextmanager
def unanswered() -> Iterator[int]:
    """Give a port on which no connection comes about and none is refused: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)  # noqa: FBT003 - the socket module's own way
            sock.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for sock in waiting:
                sock.close()


def resolve(patch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let any host name have so many addresses, each a port of this machine."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port)) for port in ports]
    patch.setattr(socket, "getaddrinfo", lambda *_name, **_options: found)


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Write an answer as a healthy server would."""
    fields = "".join(f"{header}\r\n" for header in (f"Content-Length: {len(body)}", *headers))
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}\r\n".encode() + body


def a_link(name: str) -> bytes:
    """Write the vendor's answer for a link of this name."""
    return answer(f'{{"data": {{"survey_link": "{LINK}{name}"}}}}'.encode())


def saying(text: bytes, then: Callable[[Line], None] = lambda _line: None) -> Talk:
    """Hear one request, say this, and hang up unless something else is to follow."""

    def talk(line: Line) -> None:
        line.hear()
        line.say(text)
        then(line)

    return talk


def gauge_at(url: str, tls: ssl.SSLContext | None = None) -> CustomerGauge:
    """Return a client whose token server and API are at this address."""
    clock, trusted = SystemClock(), tls if url.startswith("https:") else NO_AUTHORITIES
    return CustomerGauge(Transport(clock, trusted), clock, auth_base_url=url, imports_base_url=url)


def create(
    gauge: CustomerGauge,
    token: AccessToken = TOKEN,
    seconds: float = 5.0,
    record: Mapping[str, Scalar] | None = None,
    configuration: str = "contact",
) -> PersonalLink:
    """Ask for a link."""
    deadline = Deadline.after(seconds, SystemClock())
    return gauge.create_personal_link(configuration, record or {"Email": "joe@example.com"}, token, deadline)


def read(text: bytes, then: Callable[[Line], None] = lambda _line: None, seconds: float = 5.0) -> PersonalLink:
    """Return the link in this answer; fail if it is asked for more than once."""
    with serving(saying(text, then)) as server:
        try:
            return create(gauge_at(server.url), seconds=seconds)
        finally:
            assert (server.connections, len(server.requests)) == (1, 1)


def error_in(text: bytes, then: Callable[[Line], None] = lambda _line: None, seconds: float = 5.0) -> RequestError:
    """Return the error that this answer is; fail if it is asked for more than once."""
    with pytest.raises(RequestError) as caught:
        read(text, then, seconds)
    return caught.value


def fetch_token(gauge: CustomerGauge) -> AccessToken:
    """Ask for a token."""
    return gauge.fetch_token(ClientCredentials("id", "secret"), Deadline.after(5.0, SystemClock()))


def _hang_up(_line: Line) -> None:
    """Say nothing at all."""


def _is_whole(text: bytes) -> bool:
    head, end, body = text.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return bool(end) and len(body) >= sum(map(int, lengths))
