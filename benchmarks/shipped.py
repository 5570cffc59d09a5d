"""The files that Lambda gets, laid out as Lambda does it: the layers in opt/python, each handler in var/task.

The references have folders of their own beside the functions. Their packages, and the functions' boto3, are in .bench,
whose Python stands for Lambda's.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox import REPOSITORY

RUNTIME = REPOSITORY / ".bench" / "bin" / "python"
FUNCTIONS = ("http_api", "queue_worker")
REFERENCES = ("floor", "tutorial", "composed")
ENTRY = "import canned_aws\ncanned_aws.install()\nfrom {handler} import handler\n"  # what Lambda's runtime imports

_SOURCES = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True)
class Layout:
    """The root of Lambda's file system, as a folder."""

    root: Path

    @property
    def layers(self) -> Path:
        """The folder of both layers, one over the other."""
        return self.root / "opt" / "python"

    def task(self, handler: str) -> Path:
        """Return the folder of a function's or a reference's own code."""
        return self.root / "var" / "task" / handler

    def python_path(self, handler: str) -> str:
        """Return the folders that Python searches before the runtime's own."""
        layers = [self.layers] if handler in FUNCTIONS else []
        return os.pathsep.join(map(str, [self.task(handler), *layers]))

    def add_layers(self) -> None:
        """Make both layers as `sam build` does, bytecode included."""
        for name in ("DependenciesLayer", "PersonalLinkLayer"):
            make = ["make", "--silent", f"--directory={REPOSITORY / 'layers'}", f"build-{name}"]
            subprocess.run([*make, f"ARTIFACTS_DIR={self.root / 'opt'}", f"PYTHON={RUNTIME}"], check=True)

    def add_handlers(self) -> None:
        """Copy the functions' files and the references', each with an entry that gets canned replies of AWS."""
        for name in FUNCTIONS:
            shutil.copytree(REPOSITORY / "functions" / name, self.task(name), ignore=_SOURCES)
        for name in REFERENCES:
            self.task(name).mkdir(parents=True)
            shutil.copy(REPOSITORY / "benchmarks" / "references" / f"{name}.py", self.task(name))
        for name in (*FUNCTIONS, *REFERENCES):
            shutil.copy(REPOSITORY / "benchmarks" / "canned_aws.py", self.task(name))
            (self.task(name) / "entry.py").write_text(ENTRY.format(handler=name))

    def compile_handlers(self) -> None:
        """Write the bytecode of the handlers, which Lambda has to compile: a file each, and alike for all."""
        subprocess.run([RUNTIME, "-m", "compileall", "-q", self.root / "var"], check=True)

    def drop_bytecode(self) -> None:
        """Leave the layers as `sam build` makes them by itself."""
        for folder in list(self.layers.rglob("__pycache__")):
            shutil.rmtree(folder)


def lay_out(root: Path, *, bytecode: bool = True) -> Layout:
    """Fill an empty folder."""
    layout = Layout(root)
    layout.add_layers()
    layout.add_handlers()
    layout.compile_handlers()
    if not bytecode:
        layout.drop_bytecode()
    return layout
