"""The stack is built only when a source has changed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.aws import sam

TICK = 0.02  # seconds; a file's time may be some milliseconds old


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sources, built a moment ago; return one of its modules."""
    monkeypatch.setattr(sam, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sam, "BUILD", tmp_path / ".aws-sam")
    for folder in (".aws-sam/build", "layers/package/__pycache__", "functions"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("template.yaml", "samconfig.toml", "layers/package/module.py", ".aws-sam/build/template.yaml"):
        (tmp_path / file).write_text("")
    time.sleep(TICK)
    (tmp_path / ".aws-sam/built").write_text("")
    time.sleep(TICK)
    return tmp_path / "layers/package/module.py"


def test_the_stack_is_not_built_again_while_its_sources_stay_the_same(module: Path) -> None:
    (module.parent / "__pycache__" / "module.pyc").write_text("compiled again")

    assert not sam.sources_changed()


def write(module: Path) -> None:
    module.write_text("changed")


def delete(module: Path) -> None:
    module.unlink()


def replace_by_an_old_file(module: Path) -> None:
    old = module.with_name("old")
    old.write_text("")
    os.utime(old, (0, 0))
    old.replace(module)


def delete_the_build(module: Path) -> None:
    (module.parents[2] / ".aws-sam" / "build" / "template.yaml").unlink()


@pytest.mark.parametrize("change", [write, delete, replace_by_an_old_file, delete_the_build])
def test_the_stack_is_built_again_after_any_change(module: Path, change: Callable[[Path], None]) -> None:
    change(module)

    assert sam.sources_changed()
