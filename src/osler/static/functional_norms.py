"""Calls of `F.batch_norm` that normalise by statistics which no line ever updates."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from osler.model import CallFact, Code, Const, Network, Place
from osler.static.reach import is_fresh
from osler.static.sources import Source, dotted
from osler.static.values import Class, UserNetwork
from osler.static.walking import walk

TRAINING = 5
"""Where `training` stands among the arguments of `F.batch_norm`."""

PLAIN = frozenset({"zeros", "ones", "zeros_like", "ones_like"})
"""Functions that make the statistics of a layer that has seen nothing."""


@dataclass(frozen=True, slots=True)
class IdleStatistics:
    """A call without `training=`, and what the source calls the mean by which it normalises."""

    place: Place
    name: str


def idle_statistics(code: Code) -> Iterator[IdleStatistics]:
    """Such calls in the methods of modules that are trained from scratch."""
    for call in code.calls_of("torch.nn.functional.batch_norm"):
        network = call.network
        if not isinstance(network, UserNetwork) or network.cls is None or not _is_by_default(call):
            continue
        node = _written(network.cls, call.place)
        name = dotted(_argument(node, 1, "running_mean")) if node is not None else ""
        if "." in name and _is_trained(code, network) and not _is_updated(network.cls.source, name):
            yield IdleStatistics(call.place, name)


def _is_by_default(call: CallFact) -> bool:
    """It is given statistics and no word about the mode, in whatever mode the module is."""
    statistics = [call.argument(n, name) for n, name in ((1, "running_mean"), (2, "running_var"))]
    if call.given(TRAINING, "training") or any(s is None or s == Const(None) for s in statistics):
        return False
    return call.recording is not False and not any("train" in g or "eval" in g for g in call.guards)


def _is_trained(code: Code, network: Network) -> bool:
    return any(is_fresh(t.model) and network in t.model.walk() for t in code.trained)


def _written(cls: Class, place: Place) -> ast.Call | None:
    """The call as it is written."""
    for own in cls.lineage():
        if own.source.file != place.file:
            continue
        for node in walk(own.node):
            if (
                isinstance(node, ast.Call)
                and own.source.span(node) == place.span
                and node.lineno == place.line
            ):
                return node
    return None


def _argument(node: ast.Call, position: int, name: str) -> ast.expr:
    named = [k.value for k in node.keywords if k.arg == name]
    return (named or node.args[position : position + 1] or [node])[0]


def _is_updated(source: Source, name: str) -> bool:
    """Some line changes the statistics, or may: it calls their layer, or gives them to other code."""
    owner, _, attribute = name.rpartition(".")
    parents = {
        child: node for node in walk(source.tree or ast.Pass()) for child in ast.iter_child_nodes(node)
    }
    layers = {owner}
    for node in parents:
        match node:
            case ast.Assign(targets=[target], value=value) if dotted(target) == owner:
                layers.add(dotted(value))
            case _:
                pass
    return any(_touches(node, parents, attribute, layers - {"self", ""}) for node in parents)


def _touches(node: ast.AST, parents: dict[ast.AST, ast.AST], attribute: str, layers: set[str]) -> bool:
    match node, parents[node]:
        case ast.Call(func=function), _ if dotted(function) in layers:
            return True
        case ast.Attribute(attr=attr, ctx=ast.Store()), ast.Assign(value=value) if attr == attribute:
            return not _is_plain(value)
        case ast.Attribute(attr=attr), ast.Call(func=function) if attr == attribute:
            return not dotted(function).endswith("batch_norm")
        case ast.Attribute(attr=attr), ast.keyword() | ast.Compare() if attr == attribute:
            return False
        case ast.Attribute(attr=attr), _ if attr == attribute:
            return True
        case ast.Constant(value=text), ast.Call(args=[_, value, *_]) if text == attribute:
            return not _is_plain(value)
        case _:
            return False


def _is_plain(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in PLAIN
