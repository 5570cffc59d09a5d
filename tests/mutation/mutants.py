"""`make mutants`: change the core one place at a time, and check that a test fails.

    python -m tests.mutation.mutants [--guards] [--every N] [MODULE ...]

First each guard of `guards.py` is broken; a test has to fail for every one. Then each mutant is a copy of the package
with one change: a comparison inverted, a number increased by one, a condition negated, a call, a raise or a return
value removed. It is killed when one of the module's tests fails or does not end. Survivors are printed; the exit code
is 0 if all guards are noticed and nine in ten mutants are killed.
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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.guards import GUARDS, Guard

REPOSITORY = Path(__file__).parents[2]
LAYER = REPOSITORY / "layers" / "personal_link"
# No library fits a package in a layer: mutmut finds sources in ., src/ or source/ only, and cosmic-ray changes the
# working tree in place, one mutant after the other.
VENDOR = [
    f"tests/customergauge/test_{name}.py"
    for name in (*("connections", "transport", "vendor_answers", "vendor_page", "wrapped_answers"),)
]
MODEL = "tests/model/test_protocol.py::test_no_interleaving_of_two_deliveries_with_two_faults_breaks_a_guarantee"
PROTOCOL = [f"{MODEL}[{name}]" for name in ("queue", "http without a key")]  # two of its six: each takes seven seconds
DELIVERIES = [f"tests/triggers/test_{name}.py" for name in ("envelopes", "deliveries", "http_request")]
TESTS = {
    "customergauge/access_token": [f"tests/customergauge/test_{name}.py" for name in ("access_token", "vendor_page")],
    "aws/shared_token": ["tests/aws/shared_token"],
    "aws/token_lease": ["tests/aws/shared_token"],
    "aws/token_secret": ["tests/aws/shared_token"],
    "customergauge/fetch_token": ["tests/customergauge/test_fetch_token.py"],
    "customergauge/circuit_breaker": [
        "tests/customergauge/test_circuit_breaker.py",
        "tests/test_metrics.py",
    ],
    "triggers/batch": ["tests/triggers/batch", "tests/handlers/test_queue_worker.py"],
    "triggers/invocation": ["tests/triggers/test_invocation.py", "tests/handlers/test_direct_invocation.py"],
    "triggers/deliveries": DELIVERIES,
    "triggers/http_request": DELIVERIES,
    "triggers/envelopes": DELIVERIES,
    "customergauge/client": [*VENDOR, "tests/test_fault_metrics.py"],
    "customergauge/answers": VENDOR,
    "observability": ["tests/test_metrics.py", "tests/test_fault_metrics.py", "tests/leaks/test_log_lines.py"],
    "customergauge/answer_bytes": VENDOR,
    "customergauge/transport": VENDOR,
    "aws/ledger": [
        "tests/aws/test_ledger.py",
        "tests/test_issue_link.py",
        "tests/test_issue_link_retries.py",
        *PROTOCOL,
    ],
    "issue_link": ["tests/test_issue_link.py", "tests/test_issue_link_retries.py", *PROTOCOL],
    "metrics": ["tests/test_metrics.py", "tests/test_fault_metrics.py"],
    "domain/outcome": [
        "tests/domain/test_outcome.py",
        "tests/test_issue_link.py",
        "tests/test_issue_link_retries.py",
    ],
}
NEEDED = 0.9
SECONDS = 240  # a mutant that takes longer hangs
ENDLESS = "a test that does not end"

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
    """Yield the replacements of a node."""
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
    """Yield each mutant of a module: the line, the change, and the module's tree.

    Annotated constants at a module's top are choices, and decorators are no steps: both stay as they are.
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
    """Replaces one node by another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def failing(module: str, source: str) -> str:
    """Run the module's tests on a copy of the package with this source; return the first that fails, or nothing."""
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
            return ENDLESS
        if tests.returncode == 0:
            return ""
        return next(
            iter(re.findall(r"^(?:FAILED|ERROR) (\S+)", tests.stdout, re.MULTILINE)), "a test that cannot start"
        )


def broken(guard: Guard) -> str:
    """Return the source of a guard's module with the guard broken."""
    source = _source(guard.module)
    if source.count(guard.before) != 1:
        raise LookupError(f"{guard.before!r} has to stand in {guard.module}.py once")
    return source.replace(guard.before, guard.after)


def _source(module: str) -> str:
    return (LAYER / "personal_link" / f"{module}.py").read_text()


def run() -> int:
    """Break the guards and try the mutants that were asked for; print what was missed, the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TESTS))
    parser.add_argument("--every", type=int, default=1, help="take every Nth mutant only")
    parser.add_argument("--guards", action="store_true", help="break the guards only")
    options = parser.parse_args()
    modules = options.modules or list(TESTS)
    if untested := {guard.module for guard in GUARDS} - TESTS.keys():
        raise SystemExit(f"TESTS names no tests for the guards of {', '.join(sorted(untested))}")
    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        for module, test in zip(modules, pool.map(lambda name: failing(name, _source(name)), modules), strict=True):
            if test:
                raise SystemExit(f"{module}: {test} fails without any change")
        missed = break_guards([guard for guard in GUARDS if guard.module in modules], pool)
        score = 1.0 if options.guards else try_mutants(modules, options.every, pool)
    return 0 if score >= NEEDED and not missed else 1


def break_guards(guards: Sequence[Guard], pool: ThreadPoolExecutor) -> int:
    """Break each guard; return how many no test noticed."""
    tests = pool.map(lambda guard: failing(guard.module, broken(guard)), guards)
    missed = 0
    for guard, test in zip(guards, tests, strict=True):
        print(f"{'noticed' if test else 'MISSED '}  {guard.name}: {test}", flush=True)
        missed += not test
    print(f"{len(guards) - missed} of {len(guards)} broken guards noticed")
    return missed


def try_mutants(modules: Sequence[str], every: int, pool: ThreadPoolExecutor) -> float:
    """Try every Nth mutant of each module; return the share that was killed."""
    killed = tried = hung = 0
    for module in modules:
        chosen = list(mutants(ast.parse(_source(module))))[::every]
        tests = pool.map(lambda mutant, module=module: failing(module, ast.unparse(mutant[2])), chosen)
        for (line, change, _whole), test in zip(chosen, tests, strict=True):
            tried, killed, hung = tried + 1, killed + bool(test), hung + (test == ENDLESS)
            if not test:
                print(f"survived  {module}.py:{line}  {change}", flush=True)
        print(f"{module}: {killed} of {tried} killed so far", flush=True)
    print(f"{killed} of {tried} mutants killed: {killed / tried:.1%}; {hung} of them by {ENDLESS}")
    return killed / tried


if __name__ == "__main__":
    sys.exit(run())
