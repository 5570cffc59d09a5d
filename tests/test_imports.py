"""Import rules between rooms and libraries; importing a module has no side effects."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "personal_link" / "personal_link"
MODULES = sorted(PACKAGE.rglob("*.py"))
BULK = sorted((ROOT / "bulk" / "functions").glob("*.py"))
HANDLERS = [ROOT / "functions" / name / f"{name}.py" for name in ("http_api", "queue_worker", "direct_invocation")]
FILES = [*MODULES, *HANDLERS, *BULK]
# Each room, and the rooms that it may import. What stands in no room's folder is a room by itself.
ROOMS = {
    "bulk_functions": {"settings", "bulk", "triggers", "aws", "domain"},
    "functions": {"wiring", "triggers", "observability", "domain"},
    "wiring": {"settings", "triggers", "issue_link", "customergauge", "aws", "observability", "domain"},
    "bulk": {"triggers", "domain"},
    "triggers": {"issue_link", "customergauge", "aws", "observability", "domain"},
    "issue_link": {"customergauge", "aws", "observability", "domain"},
    "settings": {"customergauge", "domain"},
    "aws": {"customergauge", "observability", "domain"},
    "customergauge": {"observability", "domain"},
    "observability": {"metrics", "domain"},
    "metrics": set[str](),
    "domain": set[str](),
}
EVERY_FILE = [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in FILES]

# Imports everything twice. First freely, so that the libraries are loaded; then only our own modules anew, while no
# environment variable can be read and nothing but Python files can be opened.
IMPORT_EVERYTHING = """
import importlib, os, sys

names = sys.argv[1:]
ours = [importlib.import_module(name) for name in names]
for module in list(sys.modules):
    if module.partition(".")[0] in {name.partition(".")[0] for name in names}:
        del sys.modules[module]

class Unreadable(dict):
    def refuse(self, *arguments):
        if arguments == ("AWS_LAMBDA_FUNCTION_NAME",):  # a handler file asks whether Lambda loads it
            return False
        raise AssertionError(f"the environment was read: {arguments}")
    __getitem__ = get = __contains__ = __iter__ = items = keys = values = copy = refuse

def watch(event, arguments):
    if event.partition(".")[0] in {"socket", "subprocess", "sqlite3", "urllib", "http"} or event == "os.system":
        raise AssertionError(f"I/O: {event}")
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc")):
        raise AssertionError(f"I/O: opened {arguments[0]}")
    if event in {"_thread.start_new_thread", "_thread.start_joinable_thread", "os.putenv", "os.fork", "os.posix_spawn"}:
        raise AssertionError(f"side effect: {event}")

os.environ = os.environb = Unreadable()
sys.addaudithook(watch)
anew = [importlib.import_module(name) for name in names]
assert all(one is not other for one, other in zip(ours, anew, strict=True))
sys.stdout.write("imported")
"""


def import_everything(folders: list[Path], names: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, *names],
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_modules(path)}


def room_of(path: Path) -> str:
    """Return the room in which a file is: a folder of the package, a module beside the folders, or the functions."""
    if path in MODULES:
        return path.relative_to(PACKAGE).with_suffix("").parts[0]
    return "bulk_functions" if path in BULK else "functions"


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported_modules(path) if name.startswith("personal_link.")}


def names_used(path: Path) -> set[str]:
    """Return every plain name and attribute in a file's code, and what it takes out of other modules."""
    tree = tree_of(path)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


# No side effects


def test_importing_every_module_does_no_io_and_reads_no_environment() -> None:
    names = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in MODULES if path.stem != "__init__"
    ]

    result = import_everything(
        [PACKAGE.parent, *(path.parent for path in [*HANDLERS, *BULK])],
        [*names, *(path.stem for path in [*HANDLERS, *BULK])],
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "imported", "")


# Allowed imports


@pytest.mark.parametrize(
    ("library", "importers"),
    [
        ("urllib3", {"transport"}),
        ("boto3", {"bulk_task", "join_parts"}),  # botocore is enough, and starts sooner
        ("snapshot_restore_py", {"wiring"}),
        ("jmespath", {"event_mappings"}),
        ("aws_lambda_powertools", {"observability", "metrics"}),
        (
            "botocore",
            {"aws_errors", "credentials_secret", "conditional_write", "queues", "token_secret", "wiring"}
            | {"bulk_files", "bulk_task", "split_file"},
        ),
    ],
)
def test_only_the_adapter_modules_of_a_library_import_it(library: str, importers: set[str]) -> None:
    assert {path.stem for path in FILES if library in top_level(path)} == importers


@pytest.mark.parametrize("path", EVERY_FILE)
def test_only_the_allowed_libraries_are_imported(path: Path) -> None:
    libraries = {"boto3", "urllib3", "botocore", "jmespath", "aws_lambda_powertools", "snapshot_restore_py"}
    stubs = {"mypy_boto3_dynamodb", "mypy_boto3_secretsmanager", "mypy_boto3_sqs", "mypy_boto3_s3", "mypy_boto3_lambda"}
    allowed = set() if room_of(path) in {"domain", "functions"} else libraries | stubs
    beside_it = {one.stem for one in BULK} if path in BULK else set()

    assert top_level(path) - set(sys.stdlib_module_names) <= allowed | beside_it | {"personal_link"}


@pytest.mark.parametrize("path", EVERY_FILE)
def test_a_module_imports_only_the_rooms_that_its_room_may_import(path: Path) -> None:
    room = room_of(path)

    assert rooms_imported(path) - {room} <= ROOMS.get(room, set())


def test_every_room_is_in_the_table_and_no_two_rooms_import_each_other() -> None:
    order = list(ROOMS)

    assert {room_of(path) for path in FILES} == {*ROOMS, "__init__"}
    assert [room for room in order for other in ROOMS[room] if order.index(other) <= order.index(room)] == []


# Tasks of single modules


@pytest.mark.parametrize(
    ("names", "users"),
    [
        ({"environ", "environb", "getenv", "getenvb", "putenv"}, ["settings"]),
        ({"send_message", "send_message_batch"}, ["queues"]),
        ({"print", "pprint"}, []),
    ],
)
def test_only_settings_reads_the_environment_only_queues_sends_messages_and_no_module_prints(
    names: set[str], users: list[str]
) -> None:
    assert [path.stem for path in FILES if names_used(path) & names] == users


@pytest.mark.parametrize("path", EVERY_FILE)
def test_every_module_has_a_docstring_and_at_most_250_lines(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))
    assert len(path.read_text("utf-8").splitlines()) <= 250


@pytest.mark.parametrize(
    ("folders", "most"),
    [(("operate", "sandbox", "verify", "installer", "benchmarks", "docs"), 250), (("tests",), 400)],
    ids=["sources", "tests"],
)
def test_no_other_file_is_longer_than_a_reader_can_hold(folders: tuple[str, ...], most: int) -> None:
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    assert [path.name for path in files if len(path.read_text("utf-8").splitlines()) > most] == []
