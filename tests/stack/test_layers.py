"""The layers that `sam build` makes: exactly the packages of the lock, and all that the functions import."""

import importlib.util
import json
import subprocess
import sys
from email import message_from_string
from pathlib import Path

import pytest

from sandbox.aws.emulator import BUILD
from tests.locks.pins import LAYER, pins

DEPENDENCIES = BUILD / "build" / "DependenciesLayer" / "python"
PERSONAL_LINK = BUILD / "build" / "PersonalLinkLayer" / "python"
FUNCTIONS = [BUILD / "build" / "HttpApiFunction", BUILD / "build" / "QueueWorkerFunction"]
WITH_THE_RUNTIME = {"boto3", "botocore", "dateutil", "s3transfer", "six", "snapshot_restore_py"}
# by botocore, by Python
TAKEN_IF_THERE = {"OpenSSL", "_distutils_hack", "_awscrt", "_cffi_backend", "awscrt", "certifi", "cryptography"}
COMPILED = {".a", ".dll", ".dylib", ".exe", ".pyd", ".so"}

SHOW_IMPORTS = """
import json, sys
compiled = []
sys.addaudithook(lambda event, arguments: compiled.append(str(arguments[1])) if event == "compile" else None)
import http_api, queue_worker
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps([files, [file for file in compiled if file.endswith(".py")]]))
"""

pytestmark = pytest.mark.usefixtures("stack")  # it builds them


def test_the_built_layer_holds_the_locked_packages_and_no_others() -> None:
    locked = list(pins(LAYER).items())

    built = [folder.name.removesuffix(".dist-info").rsplit("-", 1) for folder in DEPENDENCIES.glob("*.dist-info")]

    assert sorted((name.replace("_", "-"), version) for name, version in built) == sorted(locked)


def test_the_built_layer_holds_all_files_of_its_packages() -> None:
    files = {str(path.relative_to(DEPENDENCIES)) for path in DEPENDENCIES.rglob("*") if path.suffix != ".pyc"}
    records = [record.read_text().splitlines() for record in DEPENDENCIES.glob("*.dist-info/RECORD")]
    of_packages = {line.split(",")[0] for record in records for line in record}

    missing = {"/".join(Path(file).parts[:2]) for file in of_packages - files if not file.startswith("../")}

    assert {file for file in files - of_packages if not (DEPENDENCIES / file).is_dir()} == set()
    assert missing == set()


def test_both_layers_together_stay_below_eight_megabytes() -> None:
    files = [path for layer in (DEPENDENCIES, PERSONAL_LINK) for path in layer.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 8_000_000


@pytest.mark.parametrize("layer", [DEPENDENCIES, PERSONAL_LINK], ids=["DependenciesLayer", "PersonalLinkLayer"])
def test_every_module_has_bytecode_that_is_valid_for_any_date_of_its_source(layer: Path) -> None:
    modules = list(layer.rglob("*.py"))

    for module in modules:
        head = Path(importlib.util.cache_from_source(str(module))).read_bytes()[:8]
        assert head == importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little"), module  # by hash, unchecked

    assert len(modules) > 20


def test_the_built_layer_is_pure_python() -> None:
    wheels = [message_from_string(wheel.read_text()) for wheel in DEPENDENCIES.glob("*.dist-info/WHEEL")]
    compiled = [path for path in DEPENDENCIES.rglob("*") if path.suffix in COMPILED]

    assert {wheel["Root-Is-Purelib"] for wheel in wheels} == {"true"}
    assert {tag for wheel in wheels for tag in wheel.get_all("Tag", [])} <= {"py3-none-any", "py2-none-any"}
    assert compiled == []


def test_the_functions_ship_only_code_and_the_event_mappings() -> None:
    shipped = [path for folder in (*FUNCTIONS, PERSONAL_LINK) for path in folder.rglob("*") if path.is_file()]

    others = {path.name for path in shipped if path.parent.name != "__pycache__" and path.suffix != ".py"}
    assert others == {"event_mappings.toml"}


def test_a_cold_start_compiles_no_module_and_imports_only_the_layers_and_the_lambda_runtime() -> None:
    places = [str(path) for path in (DEPENDENCIES, PERSONAL_LINK, *FUNCTIONS)]
    code = f"import sys; sys.path[:0] = {places!r}\n{SHOW_IMPORTS}"
    # -B: no bytecode into what is shipped
    shown = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, check=True, text=True)
    files, compiled = json.loads(shown.stdout)

    strangers = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}
    assert strangers - TAKEN_IF_THERE <= WITH_THE_RUNTIME
    in_a_layer = [file for file in compiled if Path(file).parent not in FUNCTIONS]  # which have one file each
    assert [file for file in in_a_layer if "/build/" in file] == []
    assert len(compiled) >= len(FUNCTIONS), "the compiler is watched"
