"""Networks that go on from one fold of a cross-validation to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import (
    Action,
    Branch,
    CallNode,
    Code,
    FoldFact,
    Kind,
    Loop,
    Network,
    Node,
    Optimizer,
    Place,
    flat,
)
from osler.static.fold_loops import FoldLoop, fold_loops
from osler.static.fold_resets import Reach, Within, is_built, loads, may_be_anew
from osler.static.queries import goes_backward, is_unclear, root_sites
from osler.static.regions import blocks
from osler.static.sources import Source, dotted
from osler.static.walking import walk


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a loop over folds as it was followed.

    Attributes:
        folds: the loop in the source.
        loop: the loop that was followed.
        around: numbers of the loops around it.
        actions: all that is done in a turn.
    """

    folds: FoldLoop
    loop: Loop
    around: frozenset[int]
    actions: tuple[Action, ...]


def carried_over_folds(sources: Sequence[Source], code: Code) -> Iterator[FoldFact]:
    """Each network and loop once."""
    followed = [pair for trace in code.traces for pair in _with_outer(trace.nodes, frozenset())]
    followed = [(loop, around) for loop, around in followed if loop.number and goes_backward(loop)]
    lines: dict[str, set[int]] = {}
    for loop, _ in followed:
        lines.setdefault(loop.place.file, set()).add(loop.place.line)
    loops = {
        (s.file, folds.node.lineno): folds
        for s in sources
        if s.file in lines
        for folds in fold_loops(s, lines[s.file])
    }
    if not loops:
        return
    reach = Reach(sources)
    told: set[tuple[Place, Place]] = set()
    for turn in _turns(followed, loops):
        for network, step in _trained(turn):
            fact = _fact(sources, code, reach, turn, network, step)
            if fact is not None and (fact.made, fact.loop) not in told:
                told.add((fact.made, fact.loop))
                yield fact


def _turns(
    followed: Sequence[tuple[Loop, frozenset[int]]], loops: dict[tuple[str, int], FoldLoop]
) -> Iterator[Turn]:
    for loop, around in followed:
        folds = loops.get((loop.place.file, loop.place.line))
        if folds is not None and not (loop.once or loop.framework):
            yield Turn(folds, loop, around, tuple(flat(loop.body)))


def _with_outer(nodes: list[Node], around: frozenset[int]) -> Iterator[tuple[Loop, frozenset[int]]]:
    """All loops of a tree, with the numbers of those around each."""
    for node in nodes:
        match node:
            case Loop():
                yield node, around
                yield from _with_outer(node.body, around | {node.number})
            case CallNode():
                yield from _with_outer(node.body, around)
            case Branch():
                for way in node.ways:
                    yield from _with_outer(way, around)
            case _:
                pass


def _trained(turn: Turn) -> Iterator[tuple[Network, Action]]:
    """Networks from before the loop on which an optimizer steps in it, each once."""
    told: set[int] = set()
    for step in turn.actions:
        if step.kind is not Kind.STEP or not isinstance(step.subject, Optimizer):
            continue
        for held in step.subject.held or ():
            if isinstance(held, Network) and id(held) not in told and _is_from_before(held, turn):
                told.add(id(held))
                yield held, step


def _is_from_before(network: Network, turn: Turn) -> bool:
    if not network.name or network.variants or network.frozen or network.handed:
        return False
    if network.birth is None:  # an attribute, perhaps of the object whose method goes through the folds
        return _is_of_same_class(turn.folds, network.place)
    return turn.around.issuperset(network.birth[1])


def _is_of_same_class(folds: FoldLoop, place: Place) -> bool:
    if place.file != folds.source.file or folds.source.tree is None:
        return False
    lines = (place.line, folds.node.lineno)
    classes = (node for node in walk(folds.source.tree) if isinstance(node, ast.ClassDef))
    return any(all(c.lineno <= line <= (c.end_lineno or 0) for line in lines) for c in classes)


def _fact(
    sources: Sequence[Source], code: Code, reach: Reach, turn: Turn, network: Network, step: Action
) -> FoldFact | None:
    evaluated = _evaluated(turn, network)
    if evaluated is None or reach.in_display(network.place):
        return None
    found = reach.below(turn.folds.source, turn.folds.node.body)
    if is_built(found, network.place) or may_be_anew(reach, found, network):
        return None
    is_loaded, undone = loads(Within(sources, turn.folds, found), code, network)
    if is_loaded:
        return None
    born = step.subject.birth if step.subject is not None else None
    anew = born is not None and turn.loop.number in born[1]
    return FoldFact(
        network.name.removeprefix("self."),
        network.place,
        turn.loop.place,
        turn.folds.splitter,
        step.place,
        evaluated.place,
        optimizer_anew=anew,
        kept=undone.kept if undone else None,
        loaded=undone.loaded if undone else None,
    )


def _evaluated(turn: Turn, network: Network) -> Action | None:
    """Where it is called with the rows that are held out, if it is trained on the others."""
    backwards = [a for a in turn.actions if a.kind is Kind.BACKWARD]
    sites = {place for b in backwards for place in root_sites(b)}
    unclear = any(map(is_unclear, backwards))
    is_trained, answer = False, None
    for forward in turn.actions:
        if forward.kind is not Kind.FORWARD or forward.subject is not network:
            continue
        statement = _leading_to(turn, forward)
        held_out, trained = _rows(turn.folds, statement)
        if forward.place in sites and forward.recording is not False:
            if (held_out and not trained) or _gets_both(turn.folds, statement, network):
                return None
            is_trained |= trained
        elif held_out and (forward.recording is False or not unclear):
            answer = answer or forward
    return answer if is_trained else None


def _rows(folds: FoldLoop, node: ast.AST | None) -> tuple[bool, bool]:
    """Whether the lines speak of rows held out, and of rows to train on."""
    ids = {id(n) for n in walk(node)} if node is not None else set[int]()
    return not ids.isdisjoint(folds.held_out), not ids.isdisjoint(folds.trained)


def _gets_both(folds: FoldLoop, statement: ast.AST | None, network: Network) -> bool:
    """The loss is of both kinds of rows, as where one class is told from all others."""
    last = network.name.rpartition(".")[2]
    calls = [n for n in walk(statement) if isinstance(n, ast.Call)] if statement is not None else []
    given = [_rows(folds, c) for c in calls if dotted(c.func).rpartition(".")[2] == last]
    return (True, False) in given


def _leading_to(turn: Turn, action: Action) -> ast.AST | None:
    """The statement from which the action is come to, where the rows are told apart."""
    folds = turn.folds
    wanted = folds.function or turn.loop.place.function
    for place in (*action.callers[::-1], action.place):
        if place.file == folds.source.file and place.function == wanted:
            statement = _statement(folds.body, place.line)
            if statement is not None:
                return statement
    return None


def _statement(body: Sequence[ast.stmt], line: int) -> ast.AST | None:
    """The innermost statement at a line; of one with statements inside, its head."""
    for node in body:
        if not node.lineno <= line <= (node.end_lineno or 0):
            continue
        inner = list(blocks(node))
        for block in inner:
            if (below := _statement(block, line)) is not None:
                return below
        if not inner:
            return node
        match node:
            case ast.For():
                return node.iter
            case ast.If() | ast.While():
                return node.test
            case _:
                return None
    return None
