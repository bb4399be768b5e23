"""The rules of the house that no linter knows, and broken samples to prove that each rule can fail."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

MAX_LINES = 400
MAX_CHECK_LINES = 250
"""Half of a check's file is its page."""
MAX_FUNCTION_LINES = 50
"""Without the docstring: explaining more must never cost code."""
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
BROAD = {"Exception", "BaseException"}
MAY_CATCH_EVERYTHING = ["osler/runtime/guard.py"]
"""One broad handler each: the border between Osler's faults and the user's training."""


@dataclass(frozen=True)
class Module:
    """One source file: its path below `src`, its text and its syntax tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))


Rule = Callable[[Module], Iterator[str]]


def modules() -> list[Module]:
    return [Module(p.relative_to(SRC).as_posix(), p.read_text("utf-8")) for p in sorted(SRC.rglob("*.py"))]


def is_short(module: Module) -> Iterator[str]:
    limit = MAX_CHECK_LINES if "/checks/" in module.path else MAX_LINES
    lines = len(module.text.splitlines())
    if lines > limit:
        yield f"{module.path}: {lines} lines, at most {limit}"


def has_short_functions(module: Module) -> Iterator[str]:
    for function in module.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        lines = height(function) - docstring_height(function)
        if lines > MAX_FUNCTION_LINES:
            yield f"{at(module, function)}: {function.name} has {lines} lines, at most {MAX_FUNCTION_LINES}"


def height(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def docstring_height(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return height(function.body[0]) if ast.get_docstring(function, clean=False) is not None else 0


def says_what_it_is_for(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: no module docstring"


def has_a_telling_name(module: Module) -> Iterator[str]:
    words = set(re.split(r"[/_]", module.path.removesuffix(".py")))
    for word in sorted(words & EMPTY_NAMES):
        yield f"{module.path}: '{word}' says nothing about what is inside"


def catches_what_it_expects(module: Module) -> Iterator[str]:
    if module.path in MAY_CATCH_EVERYTHING:
        return
    for node in broad_handlers(module):
        yield f"{at(module, node)}: a broad except, allowed once in {', '.join(MAY_CATCH_EVERYTHING)}"


def broad_handlers(module: Module) -> Iterator[ast.AST]:
    """Handlers of everything, and their short form `suppress(Exception)`."""
    for handler in module.nodes(ast.ExceptHandler):
        if handler.type is None or names(handler.type) & BROAD:
            yield handler
    for call in module.nodes(ast.Call):
        if "suppress" in names(call.func) and any(names(argument) & BROAD for argument in call.args):
            yield call


def names(node: ast.AST) -> set[str]:
    """The last parts of the names in an expression such as `E`, `builtins.E` or `(E, F)`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case ast.Tuple(elts=parts):
            return set().union(*map(names, parts))
        case _:
            return set()


def keeps_state_in_objects(module: Module) -> Iterator[str]:
    for statement in module.nodes(ast.Global):
        yield f"{at(module, statement)}: global {', '.join(statement.names)}"


def imports_by_full_name(module: Module) -> Iterator[str]:
    for statement in module.nodes(ast.ImportFrom):
        if statement.level:
            yield f"{at(module, statement)}: relative import"


def at(module: Module, node: ast.AST) -> str:
    return f"{module.path}:{node.lineno}"


BROKEN: dict[Rule, list[tuple[str, str]]] = {
    is_short: [
        ("osler/model/long.py", "x = 1\n" * (MAX_LINES + 1)),
        ("osler/checks/loss/long.py", "x = 1\n" * (MAX_CHECK_LINES + 1)),
    ],
    has_short_functions: [
        ("osler/a.py", "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES),
        ("osler/a.py", "class A:\n  async def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES),
    ],
    says_what_it_is_for: [("osler/a.py", "x = 1\n"), ("osler/empty/__init__.py", "")],
    has_a_telling_name: [
        ("osler/model/utils.py", ""),
        ("osler/base/a.py", ""),
        ("osler/report_helpers.py", ""),
    ],
    catches_what_it_expects: [
        ("osler/a.py", "try:\n    f()\nexcept:\n    pass\n"),
        ("osler/a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
        ("osler/a.py", "try:\n    f()\nexcept (OSError, builtins.BaseException) as error:\n    raise\n"),
        ("osler/a.py", "try:\n    f()\nexcept* Exception:\n    pass\n"),
        ("osler/a.py", "with contextlib.suppress(Exception):\n    f()\n"),
    ],
    keeps_state_in_objects: [("osler/a.py", "def f():\n    global x, y\n")],
    imports_by_full_name: [("osler/a.py", "from . import b\n"), ("osler/a.py", "from ..b import c\n")],
}

QUIET = Module(
    "osler/checks/optimizer/baseline_too_weak.py",
    '"""Says what it is for."""\n\nfrom osler import b\n\n\n'
    'def f():\n    """' + "\n" * MAX_FUNCTION_LINES + '"""\n'
    "    try:\n        b()\n    except (OSError, ValueError):\n        pass\n",
)


@pytest.mark.parametrize("rule", BROKEN)
def test_source_keeps(rule: Rule) -> None:
    assert [complaint for module in modules() for complaint in rule(module)] == []


def test_everything_is_caught_at_the_border_only() -> None:
    broad = {module.path: len(list(broad_handlers(module))) for module in modules()}
    assert {path: count for path, count in broad.items() if count} == dict.fromkeys(MAY_CATCH_EVERYTHING, 1)


@pytest.mark.parametrize(
    ("rule", "path", "text"), [(rule, *sample) for rule, samples in BROKEN.items() for sample in samples]
)
def test_rule_finds_its_broken_sample(rule: Rule, path: str, text: str) -> None:
    assert len(list(rule(Module(path, text)))) == 1


@pytest.mark.parametrize("rule", BROKEN)
def test_rule_is_quiet_about_a_good_module(rule: Rule) -> None:
    assert list(rule(QUIET)) == []
