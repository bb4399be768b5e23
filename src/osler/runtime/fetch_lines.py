"""What the source of a dataset says about writing into what it stores: which statement does it, and why?"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Generic

from torch.utils.data import Dataset

from osler.model import Place, Site
from osler.runtime.inplace import changed_by, first_line
from osler.runtime.stored import DEEPEST
from osler.runtime.userlines import UserLines

FETCH = ("__getitem__", "__getitems__")
"""Methods that are asked for samples."""

VIEWS = frozenset(
    {"from_numpy", "as_tensor", "asarray", "numpy", "view", "squeeze", "unsqueeze", "permute", "detach"}
)
"""Calls that return the same memory in another form."""

COMPUTES = frozenset({"add_", "sub_", "mul_", "div_", "subtract_", "multiply_", "divide_", "masked_fill_"})
"""In-place methods after which the old numbers still count."""

Method = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Writing:
    """What the source says.

    Attributes:
        site: the statement that writes, if there is only one, else where the user's `__getitem__` begins.
        is_statement: it is that statement.
        is_read: the source is at hand.
        is_meant: a dataset replaces what it stores.
    """

    site: Site = ()
    is_statement: bool = False
    is_read: bool = False
    is_meant: bool = False


@dataclass(slots=True)
class Source:
    """A class of the user's and its methods."""

    file: str
    methods: list[Method] = field(default_factory=list[Method])

    def fetching(self) -> Iterator[Method]:
        """Those that are asked for samples."""
        return (m for m in self.methods if m.name in FETCH)


def writing(dataset: Any, stored: tuple[type, str], collate: object, lines: UserLines) -> Writing:
    """What the source says about an attribute.

    Args:
        dataset: is asked for samples.
        stored: class and attribute of what it, or a dataset that it wraps, stores.
        collate: makes a batch of samples.
        lines: tells the user's lines.
    """
    others = [cls for cls in classes(dataset) if cls not in {object, Generic}]
    known = [cls for cls in others if not cls.__module__.startswith("torch.")]
    sources = [s for cls in known if (s := source_of(cls, lines)) is not None]
    fetching = [(s.file, method) for s in sources for method in s.fetching()]
    if not fetching:
        site = lines.definition(collate)
        return Writing(site, is_read=bool(site) and not known)
    meant = any(replaces(m, stored[1]) for s in sources for m in s.methods) or any(
        fills_anew(method) for _, method in fetching
    )
    found = {Place(file, n.lineno, m.name) for file, m in fetching for n in written(m)}
    file, method = fetching[0]
    only = found.pop() if len(found) == 1 else None
    return Writing((only or Place(file, method.lineno, method.name),), only is not None, True, meant)


def classes(dataset: Any, depth: int = 0) -> Iterator[type]:
    """Classes of a dataset and of those that it wraps, with those that they are made from."""
    yield from type(dataset).__mro__
    for held in vars(dataset).values() if depth < DEEPEST else ():
        for inner in held[:1] if type(held) is list else [held]:
            if isinstance(inner, Dataset):
                yield from classes(inner, depth + 1)


def source_of(cls: type, lines: UserLines) -> Source | None:
    """The methods of a class of the user's; None if it is not the user's or its source is not at hand."""
    functions = [f for f in vars(cls).values() if isinstance(f, FunctionType)]
    codes = [f.__code__ for f in functions if lines.is_user_file(f.__code__.co_filename)]
    if not codes:
        return None
    file = codes[0].co_filename
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
    begins = {(code.co_name, code.co_firstlineno) for code in codes}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, Method)]
            if any(isinstance(m, ast.FunctionDef) and (m.name, first_line(m)) in begins for m in methods):
                return Source(file, methods)
    return None


def replaces(method: Method, attribute: str) -> bool:
    """A method puts something else in place of what is stored."""
    if method.name == "__init__":
        return False
    return any(replaced(node, attribute, fetches=method.name in FETCH) for node in ast.walk(method))


def replaced(node: ast.AST, attribute: str, *, fetches: bool) -> bool:
    """A statement does so; while fetching, it is no part of a sample that is computed on."""
    match node:
        case ast.Assign(targets=targets, value=value):
            new = [t for target in targets for t in flat(target) if root(t) == attribute]
            return any(not (fetches and changes_part(t, value, attribute)) for t in new)
        case ast.AugAssign(target=target) if root(target) == attribute:
            return not (fetches and isinstance(target, ast.Subscript))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if root(owner) == attribute:
            return name.endswith("_") and not (fetches and name in COMPUTES)
        case _:
            return False


def changes_part(target: ast.expr, value: ast.expr, attribute: str) -> bool:
    """What was there still counts: it is computed on, or only some of a sample is written."""
    if not isinstance(target, ast.Subscript):
        return False
    is_part = isinstance(target.slice, ast.Tuple) or isinstance(target.value, ast.Subscript)
    return is_part or any(root(node) == attribute for node in ast.walk(value))


def fills_anew(method: Method) -> bool:
    """A method writes whole samples anew, whatever was there before."""
    for node in ast.walk(method):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=where)], value=value):
                names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                if is_all(where) and name not in names:
                    return True
            case ast.Call(func=ast.Attribute(attr="copyto")):
                return True
            case ast.Call(func=ast.Attribute(value=owner, attr="copy_" | "normal_" | "uniform_" | "random_")):
                if not isinstance(owner, ast.Call):
                    return True
            case _:
                pass
    return False


def is_all(where: ast.expr) -> bool:
    """``[:]`` or ``[...]``."""
    plain = isinstance(where, ast.Slice) and where.lower is None and where.upper is None
    return plain or (isinstance(where, ast.Constant) and where.value is ...)


def written(method: Method) -> Iterator[ast.stmt | ast.expr]:
    """Statements that write into something that was taken out of something else, and not computed."""
    taken = {name for node in ast.walk(method) for name in names_of_parts(node)}
    for node in ast.walk(method):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else []
            target = node.target if isinstance(node, ast.AugAssign) else targets[0] if targets else None
            own = isinstance(target, ast.Subscript) and bool(root(target))
            if own or changed_by(node) in taken or written_out(node) in taken:
                yield node


def written_out(node: ast.AST) -> str:
    """The variable that a call is given as ``out=``."""
    given = node.keywords if isinstance(node, ast.Call) else []
    return next((k.value.id for k in given if k.arg == "out" and isinstance(k.value, ast.Name)), "")


def names_of_parts(node: ast.AST) -> Iterator[str]:
    """Names that an assignment gives to what is an entry of something, or the same in another form."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_entry(value):
            yield name
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            pairs = zip(names, values, strict=False)
            yield from (n.id for n, v in pairs if isinstance(n, ast.Name) and is_entry(v))
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=value) if is_entry(value):
            yield from (n.id for n in names if isinstance(n, ast.Name))
        case _:
            pass


def is_entry(value: ast.expr) -> bool:
    """``self.images[i]``, or a view of it."""
    match value:
        case ast.Subscript():
            return True
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=args) if name in VIEWS:
            return is_entry(owner) or any(map(is_entry, args))
        case _:
            return False


def root(node: ast.AST) -> str:
    """The attribute of ``self`` that this is, or is an entry of."""
    while isinstance(node, ast.Subscript):
        node = node.value
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return node.attr if isinstance(node, ast.Attribute) and is_own else ""


def flat(target: ast.expr) -> Iterator[ast.expr]:
    """The targets of an assignment, those of tuples one by one."""
    if isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            yield from flat(inner)
    else:
        yield target
