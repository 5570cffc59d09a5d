"""HTTP to the vendor, the only import of urllib3: every call bounded, none repeated that may have been processed."""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

from personal_link.clock import Clock, Deadline
from personal_link.errors import Code, NotProcessed, TryAgain, Unanswered

CONNECT_LIMIT: Final = 2.0  # seconds for one connection
CONNECT_TRIES: Final = 2  # a connection that failed has sent nothing
LEAST_TIME: Final = 1.0  # seconds without which nothing is started
BODY_LIMIT: Final = 64 * 1024  # bytes; the vendor's longest documented answer has under one thousand
CONNECTIONS: Final = 10  # kept open to a host
IDLE_LIMIT: Final = 30.0  # seconds after which a kept connection is not trusted: it may have been dropped in silence


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """An answer: `complete` is False when its body was cut short, over-long, compressed, or too late."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool

    def __repr__(self) -> str:
        return f"Response(status={self.status}, {len(self.body)} bytes, complete={self.complete})"


class Transport:
    """Keeps connections open between calls; safe to share among threads."""

    def __init__(self, clock: Clock, ssl_context: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._ssl_context = ssl_context or _trusting_the_machines_authorities()
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[urllib3.PoolManager, float]] = {}  # of an origin, and when it was last used

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Response:
        """Send one request and return its answer, whatever its status. Redirects are not followed.

        Raises NotProcessed when it certainly was not sent (connection, name or TLS failed), Unanswered when it was sent
        and no answer came. Ends by the deadline, slow drips of headers or body included.
        """
        tries = 0
        while True:
            deadline.require(LEAST_TIME)
            try:
                return self._send(method, url, headers, body, deadline.remaining())
            except (NewConnectionError, ConnectTimeoutError, NameResolutionError) as error:
                failure: TryAgain = NotProcessed(Code.UNAVAILABLE, f"no connection ({type(error).__name__})")
                tries += 1
                if tries < CONNECT_TRIES:
                    continue
            except HTTPError as error:
                failure = Unanswered(Code.NO_ANSWER, f"sent, no answer ({type(error).__name__})")
            raise failure  # out here: urllib3's error, which may quote the answer, is not to be its context

    def forget_connections(self) -> None:
        """Close every connection that is kept: a restored snapshot must not go on with those of its original."""
        with self._lock:
            kept, self._pools = self._pools, {}
        for pools, _last_used in kept.values():
            pools.clear()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        response = self._connections_to(urlsplit(url).netloc).request(
            method,
            url,
            headers={**headers, "Accept-Encoding": "identity"},
            body=body,
            timeout=urllib3.Timeout(connect=min(CONNECT_LIMIT, seconds), total=seconds),
            redirect=False,
            retries=False,
            preload_content=False,
        )
        if response.status < 200:  # a hint; the answer itself is still to come, on a connection that must not be kept
            response.close()
        text, complete = _read(response)
        return Response(response.status, response.headers, text, complete)

    def _connections_to(self, origin: str) -> urllib3.PoolManager:
        """Return the connections to an origin; new ones, if no request began on the old for too long.

        Each origin has its own: the token's is asked once an hour, and that must not close those of the API.
        """
        with self._lock:
            now = self._clock.wall()
            pools, last_used = self._pools.get(origin, (None, now))
            if pools is None or now - last_used > IDLE_LIMIT:
                if pools is not None:
                    pools.clear()  # no request is on them: each ends within less than that time
                pools = urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=self._ssl_context)
                pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
            self._pools[origin] = (pools, now)
            return pools


def _trusting_the_machines_authorities() -> ssl.SSLContext:
    """Return one context for all connections: urllib3 would read all certificates anew for each."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def _read(response: BaseHTTPResponse) -> tuple[bytes, bool]:
    """Return the body as far as it came, and whether that is all of it."""
    body = b""
    try:
        # To the end: it is the read that finds nothing more which tells a body that was cut short.
        while len(body) <= BODY_LIMIT and (part := response.read(BODY_LIMIT + 1 - len(body), decode_content=False)):
            body += part
        # Without a length a body that was cut short, or whose headers were, looks like a whole one.
        chunked = response.headers.get("transfer-encoding", "").lower() == "chunked"
        framed = chunked or "content-length" in response.headers
        complete = framed and len(body) <= BODY_LIMIT and not response.headers.get("content-encoding")
    except HTTPError:
        complete = False
    response.close()  # a connection that was read to its end is back in its pool by now; any other is not used again
    return body, complete


class _TimedReader(io.RawIOBase):
    """Reads a socket until time is up: a socket's own time-out is for each read, so a drip would outlast it."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._ends_at = ends_at
        self._raw = cast(
            "io.RawIOBase", sock.makefile("rb", buffering=0)
        )  # counts: whoever closes the socket waits for it

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer:
    """A connected socket, as far as an HTTP response uses it."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock, self._ends_at = sock, ends_at

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._ends_at))


class _Timed(HTTPConnection):
    """A connection whose answer, from its first byte to its last, comes within the time-out."""

    def _new_conn(self) -> socket.socket:
        """Connect within one time-out, shared by all addresses of the host: urllib3 gives each of them a whole one.

        What is left of it is the handshake's.

        A seam that urllib3 itself uses for proxies; it raises what urllib3's raises.
        """
        ends_at = time.monotonic() + float(self.timeout or 0)
        try:
            addresses = socket.getaddrinfo(self.host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        for untried, (family, kind, protocol, _name, address) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(max(0.001, (ends_at - time.monotonic()) / untried))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.connect(address)
            except OSError:
                connection.close()
            else:
                connection.settimeout(max(0.001, ends_at - time.monotonic()))
                return connection
        raise NewConnectionError(self, "no address of the host took the connection")

    def getresponse(self) -> Any:  # urllib3's HTTPResponse; http.client's signature differs
        ends_at = time.monotonic() + float(self.timeout or 0)

        def response(sock: Any, *arguments: Any, **options: Any) -> http.client.HTTPResponse:
            return http.client.HTTPResponse(cast("Any", _Answer(sock, ends_at)), *arguments, **options)

        self.response_class = cast("Any", response)  # what http.client calls to make one
        return super().getresponse()


class _TimedTls(_Timed, HTTPSConnection):
    """The same over TLS; a failed handshake is known to have sent nothing."""

    def connect(self) -> None:
        try:
            return super().connect()
        except OSError as error:  # also a time-out or reset in mid-handshake: urllib3 takes it for one in mid-answer
            failure = type(error).__name__
        raise NotProcessed(Code.UNAVAILABLE, f"no TLS connection ({failure})")


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls
