"""Prepare the bytes of an HTTP answer for http.client: time limit, no 1xx hints, short head, decompressed body."""

import http.client
import io
import re
import socket
import time
import zlib
from collections.abc import Mapping
from typing import Any, Final, cast

from personal_link.domain.errors import PersonalLinkError

BODY_LIMIT: Final = 64 * 1024  # bytes, before and after decompression; the vendor's documented answers are below 1,000
HEAD_LIMIT: Final = 1024 * 1024  # bytes of status lines and headers
LINE_LIMIT: Final = 8 * 1024  # bytes of a kept header
LAYERS: Final = 3  # of compression that are removed

_STATUS: Final = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?![0-9])")
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_READ: Final = _FRAMING | {
    b"connection",
    b"keep-alive",
    b"content-encoding",
    b"retry-after",
}  # the only headers that are kept


class TimedAnswer:
    """The part of a socket that http.client uses for an answer."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock, self._ends_at = sock, ends_at

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of the answer."""
        return io.BufferedReader(_ShortHead(io.BufferedReader(_TimedReader(self._sock, self._ends_at))))


class _TimedReader(io.RawIOBase):
    """Read a socket until a fixed time. A socket's timeout applies to each read, so a slow drip would outlast it."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._ends_at = ends_at
        # makefile counts references: the socket stays open until the reader is closed
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))

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


class UnreadableHead(PersonalLinkError):
    """The status of an answer was read, its headers were not. urllib3 does not wrap this exception."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _ShortHead(io.RawIOBase):
    """Remove from an answer's head what http.client cannot read.

    http.client takes a 102 or 103 for the answer, refuses more than 100 headers or one over 64 KiB, and stops at a line
    that is not a header. So skip 1xx answers and keep only the headers that are used.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._head: bytes | None = None
        self._left = HEAD_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._head is None:
            self._head = self._read_head()
        if self._head:
            part, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:  # readinto1 may read twice, and loses the first part if the second read fails
            part = self._stream.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _read_head(self) -> bytes:
        while True:
            line = self._line()
            found = _STATUS.match(line)
            if found is None:
                return line  # http.client raises the right error
            status = int(found[2])
            fields = self._fields(status)
            if status >= 200 or status == http.client.SWITCHING_PROTOCOLS:
                break
        lines = [b"HTTP/1.%b %d" % (found[1], status)]
        lines += [b"%b: %b" % field for field in _short(fields, status).items()]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _fields(self, status: int) -> dict[bytes, bytes]:
        """Read the headers; return the kept ones by lower-case name, or none if the head is cut short."""
        fields: dict[bytes, bytes] = {}
        name = b""
        while (line := self._line(status)) not in {b"\r\n", b"\n"}:
            if not line:
                return {}
            value = line
            if line[:1] not in b" \t":  # such a line continues the header before it
                name, _colon, value = line.partition(b":")
                name = name.strip().lower()
            value = b" ".join(value.split())  # http.client takes a bare CR for a line end
            if name in _READ and len(fields.get(name, b"")) <= LINE_LIMIT:
                fields[name] = fields[name] + b", " + value if name in fields else value
        return fields

    def _line(self, status: int = 0) -> bytes:
        """Return the next line, cut after LINE_LIMIT; empty if the connection ended."""
        line = b""
        while part := self._stream.readline(LINE_LIMIT + 64):
            self._left -= len(part)
            if self._left < 0:
                raise UnreadableHead(status) if status >= 200 else http.client.LineTooLong("status line")
            line = line or part
            if part.endswith(b"\n"):
                break
        return line


def _short(fields: Mapping[bytes, bytes], status: int) -> dict[bytes, bytes]:
    """Return headers that http.client reads correctly: at most one length, and `chunked` as the only transfer coding.

    Raises UnreadableHead if two lengths contradict each other, or if a framing header is too long.
    """
    if any(len(fields.get(name, b"")) > LINE_LIMIT for name in _FRAMING):
        raise UnreadableHead(status)
    short = {name: value for name, value in fields.items() if name not in _FRAMING and len(value) <= LINE_LIMIT}
    lengths = set(_listed(fields.get(b"content-length", b"")))
    encodings = _listed(fields.get(b"content-encoding", b""))
    transfer = [coding for coding in _listed(fields.get(b"transfer-encoding", b"")) if coding != b"identity"]
    if transfer:
        if transfer[-1] == b"chunked":
            short[b"transfer-encoding"] = transfer.pop()
        short[b"content-encoding"] = b", ".join([*encodings, *transfer])
    elif len(lengths) > 1:
        raise UnreadableHead(status)
    elif lengths and (length := lengths.pop()).isdigit():
        short[b"content-length"] = length
    return short


def _listed(value: bytes) -> list[bytes]:
    return [item.strip().lower() for item in value.split(b",") if item.strip()]


def decompressed(body: bytes, encodings: str) -> bytes:
    """Return the decompressed body, at most one byte over the limit. A server may compress although we ask it not to.

    The first bytes decide, because the header may be wrong: no JSON begins like gzip or zlib. Raw deflate has no
    signature, so there the header decides.
    """
    for _layer in range(LAYERS):
        is_zlib = body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0
        if body[:2] == b"\x1f\x8b" or is_zlib:
            inflated = _inflated(body, zlib.MAX_WBITS | 32)
        elif "deflate" in encodings and body.lstrip()[:1] != b"{":
            inflated = _inflated(body, -zlib.MAX_WBITS)
        else:
            return body
        if inflated is None:
            return body
        body = inflated
    return body


def _inflated(body: bytes, window: int) -> bytes | None:
    """Return the decompressed bytes, also of a truncated stream; None if there are none."""
    inflated = bytearray()
    try:
        while body and len(inflated) <= BODY_LIMIT:
            stream = zlib.decompressobj(window)
            inflated += stream.decompress(body, BODY_LIMIT + 1 - len(inflated))
            body = stream.unused_data  # gzip may have several members
    except zlib.error:
        return bytes(inflated) or None
    return bytes(inflated)
