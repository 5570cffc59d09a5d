"""HTTP to the vendor, the only import of urllib3: every call bounded, none repeated that may have been processed."""

import http.client
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

from personal_link.customergauge.answer_bytes import BODY_LIMIT, TimedAnswer, UnreadableHead, decompressed
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import Code, NotProcessed, Unanswered

CONNECT_LIMIT: Final = 2.0  # seconds for one connection
CONNECT_TRIES: Final = 2  # a connection that failed has sent nothing
LEAST_TIME: Final = 1.0  # seconds without which nothing is started
CONNECTIONS: Final = 10  # kept open to a host
IDLE_LIMIT: Final = 30.0  # seconds after which a kept connection is not trusted: it may have been dropped in silence


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """An answer, its body decompressed.

    `complete` is False when the body was cut short or did not end in time: `body` is what came of it. `unreadable` is
    True when head or body are beyond their limits, or two lengths contradict each other: there is no body then.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool
    unreadable: bool = False

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
                tries += 1
                if tries == CONNECT_TRIES:
                    raise NotProcessed(Code.UNAVAILABLE, f"no connection ({type(error).__name__})") from None
            except UnreadableHead as error:
                return Response(error.status, {}, b"", complete=False, unreadable=True)
            except HTTPError as error:
                raise Unanswered(Code.NO_ANSWER, f"sent, no answer ({type(error).__name__})") from None

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
        if response.status < 200:  # 101: what follows on this connection is no HTTP
            response.close()
        return _read(response)

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


def _read(response: BaseHTTPResponse) -> Response:
    """Return the answer with its body as far as it came."""
    status, headers = response.status, response.headers
    body = bytearray()
    try:
        # To the end: it is the read that finds nothing more which tells a body that was cut short.
        # By `read1`: an error in `read` loses what came before it.
        while len(body) <= BODY_LIMIT and (part := response.read1(BODY_LIMIT + 1 - len(body), decode_content=False)):
            body += part
        # Without a length a body that was cut short, or whose headers were, looks like a whole one.
        complete = headers.get("transfer-encoding") == "chunked" or "content-length" in headers
    except HTTPError:
        complete = False
    response.close()  # a connection that was read to its end is back in its pool by now; any other is not used again
    text = bytes(body)
    if len(text) <= BODY_LIMIT:
        text = decompressed(text, headers.get("content-encoding", "").lower())
    if len(text) > BODY_LIMIT:
        return Response(status, headers, b"", complete=False, unreadable=True)
    return Response(status, headers, text, complete)


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
            return http.client.HTTPResponse(cast("Any", TimedAnswer(sock, ends_at)), *arguments, **options)

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
