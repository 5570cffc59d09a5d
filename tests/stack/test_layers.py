"""What `sam build` made of the layers: the lock's packages and no others, and all that the functions import."""

import json
import subprocess
import sys
from email import message_from_string

import pytest

from sandbox.emulator import BUILD
from sandbox.lock import layer_packages

DEPENDENCIES = BUILD / "build" / "DependenciesLayer" / "python"
PERSONAL_LINK = BUILD / "build" / "PersonalLinkLayer" / "python"
FUNCTIONS = [BUILD / "build" / "HttpApiFunction", BUILD / "build" / "QueueWorkerFunction"]
WITH_THE_RUNTIME = {"boto3", "botocore", "dateutil", "s3transfer", "six", "snapshot_restore_py"}
TAKEN_IF_THERE = {
    "OpenSSL",
    "_distutils_hack",
    "_awscrt",
    "_cffi_backend",
    "awscrt",
    "certifi",
    "cryptography",
}  # by botocore, by Python

COMPILED = {".a", ".dll", ".dylib", ".exe", ".pyc", ".pyd", ".so"}

SHOW_IMPORTS = """
import json, sys
import http_api, queue_worker
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps(files))
"""

pytestmark = pytest.mark.usefixtures("stack")  # it builds them


def test_the_built_layer_holds_the_locked_packages_and_no_others() -> None:
    locked = [(package.name, package.version) for package in layer_packages()]

    built = [folder.name.removesuffix(".dist-info").rsplit("-", 1) for folder in DEPENDENCIES.glob("*.dist-info")]

    assert sorted((name.replace("_", "-"), version) for name, version in built) == sorted(locked)


WITH_THE_PACKAGES = {"requirements.in", "requirements.txt"}  # `sam build` ships them too


def test_the_built_layer_holds_no_file_but_those_of_its_packages() -> None:
    files = {str(path.relative_to(DEPENDENCIES)) for path in DEPENDENCIES.rglob("*") if path.is_file()}
    records = [record.read_text().splitlines() for record in DEPENDENCIES.glob("*.dist-info/RECORD")]

    of_packages = {line.split(",")[0] for record in records for line in record}

    assert files - of_packages == WITH_THE_PACKAGES


def test_the_built_layer_is_pure_python() -> None:
    wheels = [message_from_string(wheel.read_text()) for wheel in DEPENDENCIES.glob("*.dist-info/WHEEL")]
    compiled = [path for path in DEPENDENCIES.rglob("*") if path.suffix in COMPILED]

    assert {wheel["Root-Is-Purelib"] for wheel in wheels} == {"true"}
    assert {tag for wheel in wheels for tag in wheel.get_all("Tag", [])} <= {"py3-none-any", "py2-none-any"}
    assert compiled == []


def test_the_functions_import_nothing_but_the_layers_and_what_comes_with_the_runtime() -> None:
    layers = [str(path) for path in (DEPENDENCIES, PERSONAL_LINK, *FUNCTIONS)]
    code = f"import sys; sys.path[:0] = {layers!r}\n{SHOW_IMPORTS}"
    # -B: no bytecode into what is shipped
    shown = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, check=True, text=True)

    files = json.loads(shown.stdout)
    strangers = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}

    assert strangers - TAKEN_IF_THERE <= WITH_THE_RUNTIME


def test_nothing_but_code_is_shipped_with_the_functions() -> None:
    shipped = [path for folder in (*FUNCTIONS, PERSONAL_LINK) for path in folder.rglob("*") if path.is_file()]

    assert {path.suffix for path in shipped if path.parent.name != "__pycache__"} == {".py"}
