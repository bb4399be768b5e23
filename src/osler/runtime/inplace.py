"""Find the statement that changed a tensor in place, once a backward has failed because of it."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType

from torch import Tensor, nn

from osler.model import InPlaceFact, Place
from osler.runtime.variables import variables_of

SIGN = "modified by an inplace operation"
"""What torch says."""

MADE = re.compile(r"output \d+ of (\w+?)(?:Backward\d*)?,")
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a name such as ``LogSoftmax`` has its underscores."""
HARMLESS = frozenset({"requires_grad_", "retain_grad_", "share_memory_"})
MOST = 4
"""Statements that are named: with more, none of them is known to be guilty."""


def explained(
    error: RuntimeError,
    frame: FrameType | None,
    models: list[nn.Module],
    is_user: Callable[[CodeType], object],
) -> InPlaceFact | None:
    """What a failed backward tells about the change; None if it failed for another reason.

    Args:
        error: what torch raised.
        frame: the user's line that called backward.
        models: the root modules that were called.
        is_user: whether code is the user's.
    """
    if SIGN not in str(error):
        return None
    made = MADE.search(str(error))
    found: list[Place] = []
    if frame is not None:
        changed = {n for n, v in {**frame.f_globals, **variables_of(frame)}.items() if was_changed(v)}
        found += [p for p, name in statements(frame.f_code) if p.line < frame.f_lineno and name in changed]
    codes = {code for m in models for part in m.modules() if (code := forward_of(part)) and is_user(code)}
    for code in [*codes, *called_by(frame, is_user)]:
        found += [p for p, _ in statements(code)]
    sites = tuple((p,) for p in sorted(set(found), key=lambda p: (p.file, p.line)))
    return InPlaceFact(WORD.sub("_", made[1]).lower() if made else "", sites if len(sites) <= MOST else ())


def called_by(frame: FrameType | None, is_user: Callable[[CodeType], object]) -> set[CodeType]:
    """The user's plain functions that a function names, such as one that computes the loss."""
    if frame is None:
        return set()
    named = (frame.f_globals.get(name) for name in frame.f_code.co_names)
    codes = {f.__code__ for f in named if isinstance(f, FunctionType)}
    return {code for code in codes if is_user(code)}


def was_changed(value: object) -> bool:
    """Whether this is a tensor with a graph that was written to since it was made."""
    return isinstance(value, Tensor) and value.requires_grad and value._version > 0  # pyright: ignore[reportPrivateUsage]


def forward_of(module: nn.Module) -> CodeType | None:
    """The code of a module's forward."""
    return getattr(type(module).forward, "__code__", None)


def statements(code: CodeType) -> Iterator[tuple[Place, str]]:
    """Statements of a function, or of a script's top level, that change something in place; and its name."""
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    scope: ast.AST = tree
    if code.co_name != "<module>":
        same = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == code.co_name)
        scope = next((n for n in same if first_line(n) == code.co_firstlineno), tree)
    for node in ast.walk(scope):
        name = changed_by(node)
        if name:
            yield Place(code.co_filename, getattr(node, "lineno", 0), code.co_name), name


def first_line(function: ast.FunctionDef) -> int:
    """Where its code begins: at the first decorator."""
    return min([function.lineno, *(d.lineno for d in function.decorator_list)])


def changed_by(node: ast.AST) -> str:
    """The variable that a node of the syntax tree changes in place; empty if none."""
    changed: ast.AST | None = None
    match node:
        case ast.AugAssign(target=target) | ast.Assign(targets=[ast.Subscript() as target]):
            changed = target.value if isinstance(target, ast.Subscript) else target
        case ast.Call(args=[argument, *_], keywords=keywords) if any(map(says_in_place, keywords)):
            changed = argument
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if is_in_place(method):
            changed = value
        case _:
            pass
    return changed.id if isinstance(changed, ast.Name) else ""


def is_in_place(method: str) -> bool:
    """Whether a method of this name changes its tensor."""
    return method.endswith("_") and not method.endswith("__") and method not in HARMLESS


def says_in_place(keyword: ast.keyword) -> bool:
    """Whether an argument is ``inplace=True``."""
    return (
        keyword.arg == "inplace" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
    )
