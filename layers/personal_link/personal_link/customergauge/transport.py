"""HTTP to the vendor, the only user of urllib3. Every call ends in time; none is repeated that may be processed."""

import http.client
import math
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

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
LEAST_SHARE: Final = 0.5  # seconds of it for one address of several: enough for a host on another continent
CONNECT_TRIES: Final = 2  # a failed connection has sent nothing
LEAST_TIME: Final = 1.0  # seconds; with less no call is started
CONNECTIONS: Final = 10  # kept open per host
IDLE_LIMIT: Final = 30.0  # seconds; an older connection may have been dropped silently


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """An answer with a decompressed body.

    `complete` is False when the body was cut short or did not end in time; `body` then holds the received part.
    `unreadable` is True when head or body exceed their limits or two lengths contradict each other; `body` is empty.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool
    unreadable: bool = False

    def __repr__(self) -> str:
        return f"Response(status={self.status}, {len(self.body)} bytes, complete={self.complete})"


class Transport:
    """Send requests, and keep connections open between calls. Safe for threads."""

    def __init__(self, clock: Clock, ssl_context: ssl.SSLContext | None = None) -> None:
        context = ssl_context or _trusting_the_machines_authorities()
        self._pools = urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=context)
        by_scheme = {"http": partial(_PlainPool, clock), "https": partial(_TlsPool, clock)}
        self._pools.pool_classes_by_scheme = cast("Any", by_scheme)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Response:
        """Send one request and return its answer with any status. Do not follow redirects.

        Raises NotProcessed when it was certainly not sent (connection, DNS or TLS failed), Unanswered when it was sent
        and no answer came. End by the deadline, even if headers or body come one byte at a time; only the look-up of a
        host name may take longer.
        """
        deadline.require(LEAST_TIME)
        tries = 0
        while True:
            try:
                return self._send(method, url, headers, body, deadline.remaining())
            except (NewConnectionError, ConnectTimeoutError, NameResolutionError) as error:
                tries += 1
                if tries == CONNECT_TRIES or deadline.remaining() < LEAST_TIME:
                    raise NotProcessed(Code.UNAVAILABLE, f"no connection ({type(error).__name__})") from None
            except UnreadableHead as error:
                return Response(error.status, {}, b"", complete=False, unreadable=True)
            except HTTPError as error:
                raise Unanswered(Code.NO_ANSWER, f"sent, no answer ({type(error).__name__})") from None

    def forget_connections(self) -> None:
        """Close all kept connections, because a restored snapshot must not use them."""
        self._pools.clear()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        response = self._pools.request(
            method,
            url,
            headers={**headers, "Accept-Encoding": "identity"},
            body=body,
            timeout=urllib3.Timeout(connect=min(CONNECT_LIMIT, seconds), total=seconds),
            redirect=False,
            retries=False,
            preload_content=False,
        )
        if response.status < 200:  # 101: the connection no longer speaks HTTP
            response.close()
        return _read(response)


def _trusting_the_machines_authorities() -> ssl.SSLContext:
    """Return one context for all connections. urllib3 would load the certificates again for each."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def _read(response: BaseHTTPResponse) -> Response:
    """Return the answer with the received part of its body."""
    status, headers = response.status, response.headers
    body = bytearray()
    try:
        # Read to the end, because only the last, empty read detects a body that was cut short.
        # An error in `read` would lose the part before it; `read1` keeps it.
        while len(body) <= BODY_LIMIT and (part := response.read1(BODY_LIMIT + 1 - len(body), decode_content=False)):
            body += part
        # Without a length, a body that was cut short looks complete.
        complete = headers.get("transfer-encoding") == "chunked" or "content-length" in headers
    except HTTPError:
        complete = False
    response.close()  # a connection that was read to its end is in its pool already; any other is closed
    text = bytes(body)
    if len(text) <= BODY_LIMIT:
        text = decompressed(text, headers.get("content-encoding", "").lower())
    if len(text) > BODY_LIMIT:
        return Response(status, headers, b"", complete=False, unreadable=True)
    return Response(status, headers, text, complete)


class _Timed(HTTPConnection):
    """A connection whose whole answer has to come within the timeout."""

    last_used = math.inf

    def _new_conn(self) -> socket.socket:
        """Connect within one timeout for all addresses of the host. urllib3 would give each address a whole timeout.

        The TLS handshake gets the rest of the timeout. Raises what urllib3's own `_new_conn` raises.
        """
        ends_at = time.monotonic() + float(self.timeout or 0)
        try:
            addresses = socket.getaddrinfo(self.host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        for untried, (family, kind, protocol, _name, address) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            try:
                connection = socket.socket(family, kind, protocol)
            except OSError:  # the machine does not have this address family
                continue
            try:
                left = ends_at - time.monotonic()
                connection.settimeout(max(0.001, min(left, max(LEAST_SHARE, left / untried))))
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
    """The same over TLS. A failed handshake has certainly sent no request."""

    def connect(self) -> None:
        try:
            return super().connect()
        except OSError as error:  # urllib3 would report a timeout in the handshake as one in the answer
            failure = type(error).__name__
        raise NotProcessed(Code.UNAVAILABLE, f"no TLS connection ({failure})")


class _PlainPool(HTTPConnectionPool):
    """The connections to a host. One that was idle for too long is closed, and urllib3 connects it anew."""

    ConnectionCls = _Timed

    def __init__(self, clock: Clock, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock

    def _get_conn(self, timeout: float | None = None) -> Any:  # urllib3 does not export the type
        connection = super()._get_conn(timeout)
        if isinstance(connection, _Timed) and self._clock.wall() - connection.last_used > IDLE_LIMIT:
            connection.close()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if isinstance(connection, _Timed):
            connection.last_used = self._clock.wall()
        super()._put_conn(connection)


class _TlsPool(_PlainPool, HTTPSConnectionPool):
    ConnectionCls = _TimedTls
