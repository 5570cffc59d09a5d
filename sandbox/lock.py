"""What a lock holds: packages with their versions and hashes, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.template import REPOSITORY

LAYER = REPOSITORY / "layers" / "dependencies" / "requirements.txt"

_HASHES = r"(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)"
_PINNED = re.compile(rf"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)( ; [^#]+?)?{_HASHES}")


@dataclass(frozen=True)
class Package:
    """A package of a lock, with the SHA-256 of each file it may be installed from."""

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(lock: str) -> list[Package]:
    """Read a lock; an option, an address or a package without a hash is a ValueError."""
    return [_package(line) for line in _logical_lines(lock)]


def _logical_lines(lock: str) -> Iterator[str]:
    for line in re.sub(r" *\\\n *", " ", lock).splitlines():
        if line and not line.lstrip().startswith("#"):
            yield line


def _package(line: str) -> Package:
    pinned = _PINNED.fullmatch(line)
    if not pinned:
        raise ValueError(f"not a package, its version and its hashes: {line}")
    return Package(pinned["name"], pinned["version"], tuple(re.findall(r"[0-9a-f]{64}", pinned["hashes"])))


def layer_packages() -> list[Package]:
    """Return the packages that the dependencies layer ships."""
    return locked(LAYER.read_text())
