"""State that a program writes to its file and never takes up again where training goes on from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from osler.model import Place, ResumptionFact
from osler.static.checkpoints import KINDS, WRITTEN, Checkpoint, State, checkpoints_of, makers_of
from osler.static.regions import Region, own, regions
from osler.static.sources import Source, dotted
from osler.static.walking import walk


def resumptions(sources: Sequence[Source]) -> Iterator[ResumptionFact]:
    """Each state that files hold, that no line of the sources reads, although training goes on from there."""
    texts = [s.text for s in sources]
    if not any(WRITTEN.search(t) for t in texts) or not any("torch.load(" in t for t in texts):
        return
    makers = makers_of(sources, {owner for t in texts for owner in WRITTEN.findall(t)})
    checkpoints = [c for s in sources for c in checkpoints_of(s, makers)]
    waiting = [(c, s) for c in checkpoints for s in c.states if s.kind and not _is_settled(s, texts, makers)]
    if not waiting:
        return
    read, counted = _read(sources, {state.key for _, state in waiting}), Counted(sources)
    told: set[tuple[Place, str]] = set()
    for source in sources:
        if "load_state_dict(" not in source.text:
            continue
        near = [(c, s) for c, s in waiting if s.place.file == source.file] or waiting
        for region in regions(source):
            for checkpoint, state in near:
                if state.key in read:
                    continue
                for site, sign in _goes_on(region, checkpoint, counted):
                    if (site, state.key) not in told:
                        told.add((site, state.key))
                        yield ResumptionFact(
                            (site,), state.kind, state.owner, state.key, (state.place,), sign
                        )
                        break


def _is_settled(state: State, texts: list[str], makers: dict[str, ast.Call]) -> bool:
    """It is restored in another way, or there is nothing in it that training would miss."""
    last = state.owner.rpartition(".")[2]
    if any(f"{last}.load_state_dict(" in t for t in texts):
        return True
    if state.kind == "schedule":
        return any("last_epoch" in t or re.search(rf"\b{last}\.step\((?!\))", t) for t in texts)
    made = makers.get(last)
    plain = made is not None and dotted(made.func).endswith("SGD")
    return plain and made is not None and not any(k.arg in {"momentum", None} for k in made.keywords)


def _read(sources: Sequence[Source], keys: set[str]) -> set[str]:
    """Those of the keys that stand in the sources, other than in dicts written down and as items given."""
    found: set[str] = set()
    for source in sources:
        if not any(f"{key}'" in source.text or f'{key}"' in source.text for key in keys):
            continue
        written: set[int] = set()
        for node in walk(source.tree or ast.Module([], [])):
            match node:
                case ast.Dict():
                    written |= {id(k) for k in node.keys}
                case ast.Subscript(slice=ast.Constant() as key, ctx=ast.Store()):
                    written.add(id(key))
                case ast.Constant(value=str() as text) if id(node) not in written:
                    found.add(text)
                case _:
                    pass
    return found


class Counted:
    """Names where a `range` begins, by their last part; looked for once they are asked for."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    @cached_property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset(
            _last(part)
            for source in self._sources
            if "range(" in source.text
            for node in walk(source.tree or ast.Module([], []))
            if isinstance(node, ast.Call) and dotted(node.func) in {"range", "trange", "tqdm.trange"}
            for part in walk(_beginning(node))
            if dotted(part)
        )


def _beginning(node: ast.Call) -> ast.AST:
    """The first number of a `range`, or what is taken away from its end: `range(epochs - start)`."""
    match node.args:
        case [start, _, *_] | [ast.BinOp(op=ast.Sub(), right=start)]:
            return start
        case _:
            return node.func


def _last(node: ast.AST) -> str:
    return dotted(node).rpartition(".")[2]


def _goes_on(region: Region, checkpoint: Checkpoint, counted: Counted) -> Iterator[tuple[Place, str]]:
    """Where a region loads the weights of such a file, and what else it takes up from it."""
    loaded = list(_loaded(region))
    for owner, file, key, node in loaded:
        del owner
        if not checkpoint.holds(key, "") or not _is_only_indexed(region, file):
            continue
        restored = [o for o, f, k, _ in loaded if f == file and checkpoint.holds(k, *KINDS)]
        counters = [k for k in _counters(region, file, counted) if k in checkpoint.others]
        if restored:
            yield region.place(node), f"`{restored[0]}` is restored from it"
        elif counters:
            yield region.place(node), f'it begins at the "{counters[0]}" that the file holds'


def _loaded(region: Region) -> Iterator[tuple[str, str, str, ast.stmt]]:
    """`owner.load_state_dict(file["key"])`."""
    for line in region.lines:
        match line.node:
            case (
                ast.Expr(
                    value=ast.Call(func=ast.Attribute(value=owner, attr="load_state_dict"), args=[given, *_])
                )
                | ast.Assign(
                    value=ast.Call(func=ast.Attribute(value=owner, attr="load_state_dict"), args=[given, *_])
                )
            ):
                match given:
                    case ast.Subscript(value=file, slice=ast.Constant(value=str() as key)) if dotted(file):
                        yield dotted(owner), dotted(file), key, line.node
                    case _:
                        pass
            case _:
                pass


def _counters(region: Region, file: str, counted: Counted) -> Iterator[str]:
    """Keys whose value a loop begins with."""
    for line in region.lines:
        match line.node:
            case ast.Assign(targets=[target], value=value) if _last(target) in counted.names:
                for part in walk(value):
                    match part:
                        case ast.Subscript(value=owner, slice=ast.Constant(value=str() as key)) if (
                            dotted(owner) == file
                        ):
                            yield key
                        case _:
                            pass
            case _:
                pass


def _is_only_indexed(region: Region, file: str) -> bool:
    """The file's content is given to nobody, and nobody goes through it."""
    uses, known = 0, 0
    for line in region.lines:
        for node in own(line.node):
            match node:
                case ast.Name() | ast.Attribute() if dotted(node) == file and isinstance(node.ctx, ast.Load):
                    uses += 1
                case ast.Subscript(value=owner, slice=ast.Constant()) if dotted(owner) == file:
                    known += 1
                case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant(), *_]):
                    known += dotted(owner) == file
                case ast.Compare(comparators=[owner]):
                    known += dotted(owner) == file
                case _:
                    pass
    return uses == known
