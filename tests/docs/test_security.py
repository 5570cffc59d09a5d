"""What the security page says of the ledger's keys is so: whoever erases a person finds the item by it."""

import hashlib
import re

import pytest

from personal_link.domain.request import IdempotencyKey
from tests.docs.documents import DOCS, marked

PAGE = marked((DOCS / "security.md").read_text())
ROLE = "arn:aws:sts::123456789012:assumed-role/shop"


@pytest.mark.parametrize(
    ("written", "owner"),
    [
        ("caller:<idempotency key>", ""),
        ('["<owner>", "caller", "<idempotency key>"]', f"iam {ROLE}"),
        ('["<owner>", "caller", "<idempotency key>"]', "direct invocation"),
    ],
)
def test_an_item_is_found_by_the_hash_of_what_the_page_writes(written: str, owner: str) -> None:
    text = written.replace("<owner>", owner).replace("<idempotency key>", "order-1234")

    assert written in PAGE
    assert IdempotencyKey("caller", "order-1234", owner).digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("owner", ["iam <ARN>", "api key <id>", "direct invocation"])
def test_every_kind_of_owner_is_on_the_page(owner: str) -> None:
    assert owner in PAGE


@pytest.mark.parametrize("page", ["README.md", "docs/security.md", "docs/contracts/openapi.yaml"])
def test_each_page_for_callers_says_whose_a_key_by_http_is(page: str) -> None:
    text = " ".join((DOCS.parent / page).read_text().split())

    assert re.search("[Kk]ey[^.]*belongs to its caller", text)
