"""Encryption with a key that only those can derive who know the client secret, and could get a token by it anyway.

So what is sealed needs no key of its own, and a rotated secret makes it unreadable. The standard library has no cipher;
this is the textbook composition of what it has: keys from HKDF (RFC 5869) with a fresh salt, HMAC-SHA256 in counter
mode as the key stream, and HMAC-SHA256 over the result (encrypt, then authenticate).
"""

import hmac
import secrets
from typing import Final

SALT: Final = 16  # bytes; each box has its own, so no key stream is ever used twice
TAG: Final = 32  # bytes


def seal(text: str, secret: str, purpose: str) -> bytes:
    """Return a box that `unseal` opens with the same secret and purpose; no two boxes are alike."""
    salt = secrets.token_bytes(SALT)
    cipher_key, tag_key = _keys(secret, salt, purpose)
    hidden = _combined(text.encode(), cipher_key)
    return salt + hidden + _hmac(tag_key, hidden)


def unseal(box: bytes, secret: str, purpose: str) -> str | None:
    """Return the text in a box; None if it was sealed with another secret, for another purpose, or changed since."""
    salt, hidden, tag = box[:SALT], box[SALT:-TAG], box[-TAG:]
    cipher_key, tag_key = _keys(secret, salt, purpose)
    if len(box) < SALT + TAG or not hmac.compare_digest(tag, _hmac(tag_key, hidden)):
        return None
    return _combined(hidden, cipher_key).decode()


def _keys(secret: str, salt: bytes, purpose: str) -> tuple[bytes, bytes]:
    """Return two independent keys (HKDF: extract, then expand by one block each)."""
    extracted = _hmac(salt, secret.encode())
    cipher_key, tag_key = (_hmac(extracted, f"{name} {purpose}\1".encode()) for name in ("cipher", "tag"))
    return cipher_key, tag_key


def _combined(text: bytes, key: bytes) -> bytes:
    blocks = -(-len(text) // 32)
    stream = b"".join(_hmac(key, block.to_bytes(8)) for block in range(blocks))
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
