"""What is sealed: readable with the secret and for the purpose it was sealed for, and otherwise not at all."""

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from personal_link.sealing import seal, unseal

SECRET = "s3cret-QkVBUkVS"
TOKEN = "eyJraWQiOi" * 100


def another_librarys(name: bytes, salt: bytes) -> bytes:
    """The key of this name, by a library that was written by others."""
    return HKDF(hashes.SHA256(), length=32, salt=salt, info=name + b" client-7f3a").derive(SECRET.encode())


def another_librarys_hmac(key: bytes, text: bytes) -> bytes:
    code = hmac.HMAC(key, hashes.SHA256())
    code.update(text)
    return code.finalize()


@pytest.mark.parametrize("text", ["", "x", "x" * 31, "x" * 32, "x" * 33, TOKEN, "ünïcödé"])
def test_what_was_sealed_can_be_read_again(text: str) -> None:
    assert unseal(seal(text, SECRET, "client-7f3a"), SECRET, "client-7f3a") == text


def test_a_box_shows_nothing_of_what_is_in_it_but_its_length() -> None:
    box = seal(TOKEN, SECRET, "client-7f3a")

    assert len(box) == 16 + len(TOKEN) + 32
    assert b"eyJ" not in box


def test_no_two_boxes_are_alike() -> None:
    boxes = {seal(TOKEN, SECRET, "client-7f3a")[position : position + 32] for position in (0, 16, 500) for _ in "12345"}

    assert len(boxes) == 15


@pytest.mark.parametrize(("secret", "purpose"), [("another", "client-7f3a"), (SECRET, "client-7f3b"), ("", "")])
def test_another_secret_or_purpose_opens_nothing(secret: str, purpose: str) -> None:
    assert unseal(seal(TOKEN, SECRET, "client-7f3a"), secret, purpose) is None


def test_a_box_that_was_changed_anywhere_does_not_open() -> None:
    box = seal("token", SECRET, "client-7f3a")

    for position in range(len(box)):
        changed = bytearray(box)
        changed[position] ^= 1
        assert unseal(bytes(changed), SECRET, "client-7f3a") is None, position


@pytest.mark.parametrize("length", [0, 15, 16, 32, 47, 48, 52])
def test_a_box_that_was_cut_short_does_not_open(length: int) -> None:
    assert unseal(seal("token", SECRET, "client-7f3a")[:length], SECRET, "client-7f3a") is None


def test_keys_tag_and_key_stream_are_those_of_another_library() -> None:
    box = seal("a token of more than one block of bytes", SECRET, "client-7f3a")
    salt, hidden, tag = box[:16], box[16:-32], box[-32:]

    assert tag == another_librarys_hmac(another_librarys(b"tag", salt), hidden)
    cipher_key = another_librarys(b"cipher", salt)
    stream = another_librarys_hmac(cipher_key, bytes(8)) + another_librarys_hmac(cipher_key, b"\0\0\0\0\0\0\0\1")
    assert bytes(a ^ b for a, b in zip(hidden, stream, strict=False)) == b"a token of more than one block of bytes"
