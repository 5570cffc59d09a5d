"""The documents, taken apart: sections, tables, code marks, commands; and the names that they may use."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

from botocore.session import Session

from sandbox import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.glob("**/*.md"))]
PROGRAMS = ("aws", "make", "sam", "python", "operate")
PACKAGE = REPOSITORY / "layers" / "personal_link" / "personal_link"
CODE = [
    *(*PACKAGE.rglob("*.py"), *REPOSITORY.glob("functions/*/*.py"), *REPOSITORY.glob("operate/**/*.py")),
    *REPOSITORY.glob("bulk/functions/*.py"),
    DOCS / "generate.py",
]
# The services that the stack is made of.
SERVICES = ("apigateway", "cloudformation", "cloudwatch", "dynamodb", "events", "kms", "lambda", "logs", "sns", "sqs")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    """Return what a test calls a page."""
    return str(page.relative_to(REPOSITORY))


def fenced(text: str, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return [block for known, block in _FENCED.findall(text) if known == language]


def without_blocks(text: str) -> str:
    """Return a text without its blocks of code."""
    return _FENCED.sub("", text)


def marked(text: str) -> list[str]:
    """Return what stands in code marks, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", without_blocks(text))]


def sections(text: str) -> dict[str, str]:
    """Return the text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table in a text, its head left out."""
    tables = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    lines = [re.split(r"(?<!\\)\|", line.strip("|")) for line in tables[0].splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in line] for line in lines]


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings, as they are made of them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> list[list[str]]:
    """Return the words of every command to be pasted, in a block for the shell or in code marks."""
    lines = [line for block in fenced(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
    parts = [part.strip() for line in [*lines, *marked(text)] for part in line.split("&&")]
    return [
        shlex.split(part, comments=True)
        for part in parts
        if part.removeprefix(".venv/bin/").split(" ", 1)[0] in PROGRAMS and " " in part
    ]


@cache
def files() -> frozenset[str]:
    """Return the repository's files, by their paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return frozenset(listed.stdout.splitlines())


@cache
def known_names() -> frozenset[str]:
    """Return every word in code and templates, and AWS's operations."""
    templates = (REPOSITORY / "template.yaml", REPOSITORY / "bulk" / "template.yaml", *DOCS.glob("**/*.yaml"))
    words = {word for path in (*CODE, *templates) for word in re.findall(r"\w+", path.read_text())}
    models = Session()
    operations = {name for service in SERVICES for name in models.get_service_model(service).operation_names}
    return frozenset(words | operations | {word.removeprefix("_func_") for word in words})  # as a mapping calls them
