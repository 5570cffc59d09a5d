"""`make mutants`: change the core one spot at a time, and see whether a test notices.

    python -m tests.mutation.mutants [--every N] [MODULE ...]

First each guard of `guards.py` is broken, and every one has to be missed. Then each mutant is a copy of the package
with one change: a comparison turned, a number moved by one, a condition negated, a call, a raise or a return value left
out. It is killed when one of the module's tests fails, or does not end. What survives is printed; the exit code is 0 if
nine in ten were killed.
"""

import argparse
import ast
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.guards import GUARDS, Guard

REPOSITORY = Path(__file__).parents[2]
LAYER = REPOSITORY / "layers" / "personal_link"
VENDOR = [
    f"tests/customergauge/test_{name}.py"
    for name in (
        *("connections", "kept_connections", "large_answers", "transport", "undocumented_answers"),
        *("vendor_messages", "vendor_page", "wrapped_answers"),
    )
]
TESTS = {
    "customergauge/access_token": ["tests/customergauge/access_token"],
    "aws/shared_token": ["tests/aws/shared_token"],
    "aws/token_lease": ["tests/aws/shared_token"],
    "aws/token_secret": ["tests/aws/shared_token"],
    "customergauge/fetch_token": ["tests/customergauge/test_fetch_token.py"],
    "customergauge/circuit_breaker": ["tests/customergauge/circuit_breaker"],
    "triggers/batch": ["tests/triggers/batch"],
    "triggers/invocation": ["tests/triggers/test_invocation.py", "tests/triggers/test_direct_invocation.py"],
    "triggers/deliveries": [
        f"tests/triggers/test_{name}.py"
        for name in ("deliveries", "http_request", "http_source_and_key", "envelopes", "key_owners")
    ],
    "triggers/http_request": [
        f"tests/triggers/test_{name}.py"
        for name in ("deliveries", "http_request", "http_source_and_key", "envelopes", "key_owners")
    ],
    "triggers/envelopes": [
        "tests/triggers/test_envelopes.py",
        "tests/triggers/test_deliveries.py",
        "tests/triggers/test_http_request.py",
    ],
    "customergauge/client": VENDOR,
    "customergauge/answers": VENDOR,
    "observability": ["tests/leaks/test_log_lines.py"],
    "customergauge/answer_bytes": VENDOR,
    "customergauge/transport": VENDOR,
    "aws/ledger": [
        *(f"tests/aws/test_{name}.py" for name in ("ledger", "ledger_life", "key_owners")),
        "tests/test_issue_link.py",
        "tests/test_issue_link_retries.py",
        "tests/crash/test_late_writers.py",
    ],
    "issue_link": ["tests/test_issue_link.py", "tests/test_issue_link_retries.py", "tests/crash/test_late_writers.py"],
    "domain/outcome": [
        "tests/domain/test_outcome.py",
        "tests/domain/test_refused_on_arrival.py",
        "tests/test_issue_link.py",
        "tests/test_issue_link_retries.py",
    ],
}
NEEDED = 0.9
SECONDS = 240  # a mutant that takes longer is one that hangs

TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def mutated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            yield ast.Compare(node.left, [TURNED[type(op)]()], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp(op=ast.Add()):
            yield ast.BinOp(node.left, ast.Sub(), node.right)
        case ast.BinOp(op=ast.Sub()):
            yield ast.BinOp(node.left, ast.Add(), node.right)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield ast.Return(ast.Constant(None))


def mutants(tree: ast.Module) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield each mutant of a module: the line, what became of it, and the whole.

    Left alone are the limits at a module's top, which are choices, and decorators, which are no steps.
    """
    limits = [part for part in tree.body if isinstance(part, ast.AnnAssign)]
    decorators = [part for node in ast.walk(tree) for part in getattr(node, "decorator_list", [])]
    choices = {inner for part in (*limits, *decorators) for inner in ast.walk(part)}
    for number, node in enumerate(ast.walk(tree)):
        for other in mutated(node) if node not in choices else ():
            whole = copy.deepcopy(tree)
            spot = next(found for n, found in enumerate(ast.walk(whole)) if n == number)
            Swap(spot, other).visit(whole)
            line = getattr(node, "lineno", 0)
            yield line, f"{ast.unparse(node)[:60]}  →  {ast.unparse(other)[:60]}", ast.fix_missing_locations(whole)


class Swap(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def failing(module: str, source: str) -> str:
    """Run the module's tests on a copy of the package with this source in its place; return the first that fails."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "personal_link"
        shutil.copytree(LAYER / "personal_link", package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / f"{module}.py").write_text(source)
        paths = f"pythonpath=. {folder} functions/direct_invocation functions/http_api functions/queue_worker"
        options = ["-qx", "--tb=no", "-p", "no:cacheprovider", "-o", paths]
        command = [sys.executable, "-m", "pytest", *options, *TESTS[module]]
        try:
            tests = subprocess.run(
                command, cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return "one that does not end"
        if tests.returncode == 0:
            return ""
        return next(iter(re.findall(r"^(?:FAILED|ERROR) (\S+)", tests.stdout, re.MULTILINE)), "one that cannot start")


def broken(guard: Guard) -> str:
    """Return a guard's module with the guard broken."""
    source = _source(guard.module)
    if source.count(guard.before) != 1:
        raise LookupError(f"{guard.before!r} has to stand in {guard.module}.py once")
    return source.replace(guard.before, guard.after)


def _source(module: str) -> str:
    return (LAYER / "personal_link" / f"{module}.py").read_text()


def run() -> int:
    """Break every guard, try every mutant that was asked for; print what was missed, the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TESTS))
    parser.add_argument("--every", type=int, default=1, help="take every Nth mutant only")
    options = parser.parse_args()
    modules = options.modules or list(TESTS)
    guards = [guard for guard in GUARDS if guard.module in modules]
    killed = tried = missed = 0
    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        for module, test in zip(
            modules, pool.map(lambda module: failing(module, _source(module)), modules), strict=True
        ):
            if test:
                raise SystemExit(f"{module}: {test} fails without any change")
        for guard, test in zip(
            guards, pool.map(lambda guard: failing(guard.module, broken(guard)), guards), strict=True
        ):
            print(f"{'noticed' if test else 'MISSED '}  {guard.name}: {test}", flush=True)
            missed += not test
        for module in modules:
            chosen = list(mutants(ast.parse(_source(module))))[:: options.every]
            tests = pool.map(lambda mutant, module=module: failing(module, ast.unparse(mutant[2])), chosen)
            for (line, change, _whole), test in zip(chosen, tests, strict=True):
                tried, killed = tried + 1, killed + bool(test)
                if not test:
                    print(f"survived  {module}.py:{line}  {change}", flush=True)
            print(f"{module}: {killed} of {tried} killed so far", flush=True)
    print(f"{len(guards) - missed} of {len(guards)} broken guards noticed")
    print(f"{killed} of {tried} mutants killed: {killed / tried:.0%}")
    return 0 if killed >= NEEDED * tried and not missed else 1


if __name__ == "__main__":
    sys.exit(run())
