"""What Lambda is given, laid out as Lambda does it: the layers in opt/python, a handler each in var/task.

The references have folders of their own beside the functions. All that they import, and boto3 for the functions too,
is in .bench, whose Python stands for Lambda's.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox.emulator import REPOSITORY
from sandbox.lock import LAYER

RUNTIME = REPOSITORY / ".bench" / "bin" / "python"
FUNCTIONS = ("http_api", "queue_worker")
REFERENCES = ("bare", "floor", "tutorial", "composed")

_OURS = REPOSITORY / "layers" / "personal_link"
_SOURCES = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True)
class Layout:
    """A folder that stands for the root of Lambda's file system."""

    root: Path

    @property
    def layers(self) -> Path:
        """Where both layers are, one over the other."""
        return self.root / "opt" / "python"

    def task(self, handler: str) -> Path:
        """Where a function's or a reference's own code is."""
        return self.root / "var" / "task" / handler

    def python_path(self, handler: str) -> str:
        """Return where Python looks before it looks into what the runtime has."""
        layers = [self.layers] if handler in FUNCTIONS else []
        return os.pathsep.join(map(str, [self.task(handler), *layers]))

    def add_dependencies(self) -> None:
        """Install what the layer's lock lists, without bytecode, as `sam build` does."""
        pip = [str(RUNTIME), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        options = ["--no-compile", "--no-deps", "--require-hashes", "--target", str(self.layers)]
        subprocess.run([*pip, *options, "-r", LAYER], check=True)

    def add_personal_link(self) -> None:
        """Copy our own package."""
        shutil.copytree(_OURS, self.layers, ignore=_SOURCES, dirs_exist_ok=True)

    def add_handlers(self) -> None:
        """Copy the functions' files and the references'."""
        for name in FUNCTIONS:
            shutil.copytree(REPOSITORY / "functions" / name, self.task(name), ignore=_SOURCES)
        for name in REFERENCES:
            self.task(name).mkdir(parents=True)
            shutil.copy(REPOSITORY / "benchmarks" / "references" / f"{name}.py", self.task(name))

    def compile(self) -> None:
        """Write the bytecode of everything here, as it is there for what the runtime has."""
        subprocess.run([RUNTIME, "-m", "compileall", "-q", self.root], check=True)


def lay_out(root: Path, *, bytecode: bool = True) -> Layout:
    """Fill an empty folder."""
    layout = Layout(root)
    layout.add_dependencies()
    layout.add_personal_link()
    layout.add_handlers()
    if bytecode:
        layout.compile()
    return layout
