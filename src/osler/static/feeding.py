"""Whether what a line makes of data goes on to a network, and not only to a plot or a printed line."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.static.sources import dotted
from osler.static.walking import walk

TENSORS = frozenset(
    "tensor as_tensor from_numpy FloatTensor LongTensor Tensor TensorDataset DataLoader".split()
)
IDLE = frozenset(
    "print len range type enumerate zip sorted set list tuple dict max min sum abs round str int float "
    "isinstance Counter plot scatter hist show display".split()
)
"""Functions after which the numbers are looked at, or only rearranged."""

Defined = ast.FunctionDef | ast.AsyncFunctionDef


def feeds(call: ast.Call) -> bool:
    """It takes numbers to where networks are."""
    name = dotted(call.func)
    last = name.rpartition(".")[2]
    if last in TENSORS or name.startswith(("torch.", "F.")):
        return True
    return (isinstance(call.func, ast.Name) or name.startswith("self.")) and last not in IDLE


def mentioned(node: ast.AST) -> Iterator[str]:
    """Names whose values an expression holds, not those that only say which entries, or how many."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "print")) | ast.Attribute(attr="shape"):
            return
        case ast.Subscript(value=value):
            yield from mentioned(value)
        case ast.Name() | ast.Attribute():
            if name := dotted(node):
                yield name
            if isinstance(node, ast.Attribute):
                yield from mentioned(node.value)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from mentioned(child)


def is_fed(owner: ast.AST, names: tuple[str, ...], line: int) -> bool:
    """The values of these names go on from behind a line; an attribute of an object does."""
    if any(name.startswith("self.") for name in names):
        return True
    held = set(names)
    inside = {id(n) for f in walk(owner) if isinstance(f, Defined) and f is not owner for n in walk(f)}
    later = sorted(
        (n for n in walk(owner) if isinstance(n, ast.stmt) and (n.lineno > line or id(n) in inside)),
        key=lambda n: (n.lineno, n.col_offset),
    )
    return any(_goes_on(statement, held) for statement in later)


def _goes_on(statement: ast.stmt, held: set[str]) -> bool:
    match statement:
        case ast.Return(value=ast.expr() as value) if held & set(mentioned(value)):
            return True
        case ast.Assign(targets=targets, value=value) if held & set(mentioned(value)):
            for target in targets:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    name = dotted(part.value if isinstance(part, ast.Subscript) else part)
                    if name.startswith("self."):
                        return True
                    held |= {name} - {""}
        case _:
            pass
    own = (n for n in ast.iter_child_nodes(statement) if not isinstance(n, ast.stmt))
    return any(
        isinstance(call, ast.Call)
        and feeds(call)
        and any(held & set(mentioned(a)) for a in (*call.args, *(k.value for k in call.keywords)))
        for part in own
        for call in walk(part)
    )
