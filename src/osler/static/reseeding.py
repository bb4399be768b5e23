"""Seeds that are set again and again while a loop trains, always the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import (
    Action,
    Branch,
    CallNode,
    Code,
    Const,
    ExitNode,
    Helper,
    Kind,
    Loader,
    Loop,
    Maybe,
    Network,
    Node,
    Optimizer,
    Place,
    Turns,
    Value,
    flat,
)
from osler.static.own_generators import WORKERS, full_name, reached
from osler.static.queries import EVALUATION, every_loop, goes_backward
from osler.static.random_numbers import drawn_from, is_same
from osler.static.sources import dotted
from osler.static.values import Instance, methods_of
from osler.static.walking import walk

PUTS_BACK = frozenset({"set_rng_state", "set_rng_state_all", "fork_rng", "setstate", "set_state"})
"""What gives a generator the state that it had before."""

STARTS_ANEW = frozenset({"reset_parameters", "reset_weights", "weight_reset"})
"""What gives a model new weights, so that a run of its own begins."""

PICKS = frozenset({"randperm", "randint", "multinomial"})
"""What draws the numbers of samples."""

LOOKS = re.compile(r"sampl|generat|plot|visual|show|demo|draw|picture|log", re.IGNORECASE)
"""Functions whose numbers are looked at."""

WORD = re.compile(r"[A-Za-z_][\w.]*")
GRAMMAR = frozenset({"is", "not", "None", "and", "or", "True", "False"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """What training draws with the numbers that repeat.

    Attributes:
        what: in words.
        place: where.
        order: only the order of samples is drawn.
    """

    what: str
    place: Place
    order: bool = False


@dataclass(frozen=True, slots=True)
class Reseeding:
    """A generator gets the same seed in each turn of a loop that trains.

    Attributes:
        seeding: the action.
        loop: the loop.
        drawn: what training draws afterwards.
    """

    seeding: Action
    loop: Loop
    drawn: tuple[Drawn, ...]

    @property
    def seed(self) -> str:
        """As it is written, if it is a number; else the name it has."""
        if isinstance(self.seeding.value, Const):
            return repr(self.seeding.value.value)
        names = [w.removeprefix("name:") for w in self.seeding.words if w.startswith("name:")]
        dotted = [n for n in names if "." in n]
        return f"`{min(dotted or names, key=lambda n: (len(n), n))}`" if names else "the same number"

    @property
    def family(self) -> str:
        """``torch``, ``numpy``, ``random``, or ``own``."""
        return next(f for f in ("torch", "numpy", "random", "own") if f in self.seeding.words)


def reseeded(code: Code) -> Iterator[Reseeding]:
    """Each line once, of all generators that it seeds the one that training draws from most visibly."""
    called = {name.rpartition(".")[2] for name in code.calls} | code.methods
    if called & STARTS_ANEW:
        return
    told: set[tuple[str, int]] = set()
    for trace in code.traces:
        for seeding, loop in _repeated(trace.nodes):
            outer = seeding.callers[0] if seeding.callers else seeding.place
            key = (outer.file, outer.line)
            if key in told or (called & PUTS_BACK and "own" not in seeding.words) or not _trains(code, loop):
                continue
            if any(_interferes(other, seeding, loop) for other in flat(loop.body)):
                continue
            drawn = tuple(_drawn(code, seeding, loop))
            if drawn or ("torch" in seeding.words and _is_unclear(loop)):
                told.add(key)
                yield Reseeding(seeding, loop, drawn)


def _repeated(nodes: Sequence[Node], above: tuple[Node, ...] = ()) -> Iterator[tuple[Action, Loop]]:
    """Seeds that are set in each turn, or each few turns, of the innermost loop around that trains."""
    for node in nodes:
        match node:
            case Action(kind=Kind.RANDOM) if {"seeded", "known"} <= node.words:
                loop = _training_loop(node, above)
                if loop is not None:
                    yield node, loop
            case Loop():
                yield from _repeated(node.body, (*above, node))
            case CallNode():
                yield from _repeated(node.body, (*above, node))
            case Branch():
                for way in node.ways:
                    yield from _repeated(way, (*above, node))
                if any(map(_leaves_early, node.ways)):
                    above = (*above, node)
            case _:
                pass


def _leaves_early(nodes: Sequence[Node]) -> bool:
    """What comes behind may be skipped for good."""
    for node in nodes:
        match node:
            case ExitNode(kind="return" | "continue"):
                return True
            case Branch() if any(map(_leaves_early, node.ways)):
                return True
            case Loop() if _leaves_early(node.body):
                return True
            case _:
                pass
    return False


def _training_loop(seeding: Action, above: tuple[Node, ...]) -> Loop | None:
    """The innermost loop around the line that trains, if its turns certainly come to the line again."""
    for at in range(len(above) - 1, -1, -1):
        node = above[at]
        if isinstance(node, Loop) and not node.once and not node.framework and _steps(node):
            branches = [n for n in above[at + 1 :] if isinstance(n, Branch)]
            again = all(_recurs(b, seeding) for b in branches)
            turning = [node, *every_loop(node.body)]
            changes = any(f"turn:{loop.number}" in seeding.words for loop in turning)
            return node if again and not changes else None
    return None


def _steps(loop: Loop) -> bool:
    return any(a.kind is Kind.STEP for a in flat(loop.body)) and goes_backward(loop)


def _recurs(branch: Branch, seeding: Action) -> bool:
    """The condition holds every few turns, or asks only for the seed itself."""
    text = branch.key.partition("|")[0]
    names = {w.removeprefix("name:") for w in seeding.words if w.startswith("name:")}
    asked = set(WORD.findall(text)) - GRAMMAR
    return "%" in text or bool(asked and asked <= names)


def _trains(code: Code, loop: Loop) -> bool:
    """One and the same model is trained by all turns, which are several."""
    if isinstance(loop.over, Turns) and loop.over.end == Const(1):
        return False
    actions = list(flat(loop.body))
    if any(a.kind is Kind.BUILD and isinstance(a.subject, Optimizer) for a in actions):
        return False
    if any(_may_be_new(a.subject, loop) for a in actions if a.kind is Kind.STEP):
        return False
    trained = {id(fact.model) for fact in code.trained}
    loads = code.calls_of("Module.load_state_dict")
    home = {a.place.function for a in actions} | {loop.place.function}
    return not any(f.loops and f.place.function in home and id(f.argument(0, "")) in trained for f in loads)


def _may_be_new(stepped: Value | None, loop: Loop) -> bool:
    """Each turn may have an optimizer of its own: it was not seen where that is made."""
    if stepped is None:
        return not isinstance(loop.over, Turns)
    if stepped.birth is not None:
        return loop.number in stepped.birth[1]
    unseen = isinstance(stepped, Optimizer) and not stepped.made
    return unseen and not isinstance(loop.over, Turns)


def _interferes(other: Action, seeding: Action, loop: Loop) -> bool:
    """Another seed is set in the loop, or one that is not known to be the same."""
    family = seeding.words & {"torch", "numpy", "random", "own"}
    if other.kind is not Kind.RANDOM or "seeded" not in other.words or not family & other.words:
        return False
    if "own" in family and not is_same(other.subject, seeding.subject):
        return False
    turning = [loop, *every_loop(loop.body)]
    return "known" not in other.words or any(f"turn:{n.number}" in other.words for n in turning)


def _drawn(code: Code, seeding: Action, loop: Loop) -> Iterator[Drawn]:
    """What training draws from the generator in the turns of the loop, each thing once."""
    found: dict[tuple[str, int, str], Drawn] = {}
    for drawn in _all_drawn(code, seeding, loop):
        found.setdefault((drawn.place.file, drawn.place.line, drawn.what), drawn)
    yield from sorted(found.values(), key=lambda d: d.order)


def _all_drawn(code: Code, seeding: Action, loop: Loop) -> Iterator[Drawn]:
    own = "own" in seeding.words
    for inner in (loop, *every_loop(loop.body)):
        for action in _drawn_for_backward(inner, own=own):
            if action.recording is not False and not _is_aside(action, loop):
                yield from _by_draws(action, seeding)
        if inner is not loop and goes_backward(inner) and {"own", "torch"} & seeding.words:
            yield from _by_loader(inner.over, seeding.subject)
        if inner is not loop and goes_backward(inner) and not own:
            yield from _by_dataset(inner.over, seeding)
    if not own:
        yield from _by_models(code, loop, seeding)


def _drawn_for_backward(loop: Loop, *, own: bool) -> Iterator[Action]:
    """What is drawn in the loop itself ahead of a backward; if ``own``, a backward of the loop itself."""
    inside = {id(a) for inner in every_loop(loop.body) for a in flat(inner.body)}
    actions = [a for a in flat(loop.body) if not (own and id(a) in inside)]
    last = max((i for i, a in enumerate(actions) if a.kind is Kind.BACKWARD), default=0)
    for action in actions[:last]:
        if action.kind is Kind.RANDOM and "drawn" in action.words and id(action) not in inside:
            yield action


def _is_aside(action: Action, loop: Loop) -> bool:
    """It stands in a function that evaluates, or makes something to look at."""
    functions = {action.place.function, *(c.function for c in action.callers)} - {loop.place.function}
    return any((EVALUATION.search(f) or LOOKS.search(f)) and "train" not in f.lower() for f in functions if f)


def _by_draws(action: Action, seeding: Action) -> Iterator[Drawn]:
    family = seeding.words & {"torch", "numpy", "random", "own"}
    if not family & action.words or ("own" in family and not is_same(action.subject, seeding.subject)):
        return
    name = next(w for w in action.words if w.startswith("by:")).removeprefix("by:")
    if "own" in family and name.rpartition(".")[2] not in PICKS:
        return  # it may be meant for pictures
    yield Drawn(f"`{name.removeprefix('Tensor.')}`", action.place, order=name == "torch.randperm")


def _by_loader(over: Value | None, generator: Value | None) -> Iterator[Drawn]:
    """The order in which a loader goes through its samples."""
    loader = over.value if isinstance(over, Maybe) else over
    if not isinstance(loader, Loader) or not loader.made.startswith("torch.utils.data"):
        return
    options = loader.options
    if "**" in options or (
        options.get("shuffle", options.get(2)) != Const(True) and "sampler" not in options
    ):
        return
    source, order = loader, True
    if isinstance(sampler := options.get("sampler"), Helper):
        if not sampler.made.endswith(("RandomSampler", "SubsetRandomSampler")):
            return
        order = "Weighted" not in sampler.made and not {"replacement", "num_samples"} & sampler.options.keys()
        source = sampler
    elif sampler is not None:
        return
    given = source.options.get("generator")
    if (given is None) is (generator is None) and (given is None or is_same(given, generator)):
        name = loader.name.removeprefix("self.")
        what = "the order" if order else "the choice"
        yield Drawn(
            f"{what} of samples in {f'`{name}`' if name else 'the loader'}", loader.place, order=order
        )


def _by_dataset(over: Value | None, seeding: Action) -> Iterator[Drawn]:
    """Draws in the `__getitem__` of a dataset, if that runs where the seed is set: workers have their own."""
    loader = over.value if isinstance(over, Maybe) else over
    if not isinstance(loader, Loader) or "**" in loader.options:
        return
    if loader.options.get("num_workers", loader.options.get(WORKERS, Const(0))) != Const(0):
        return
    dataset = loader.options.get("dataset", loader.options.get(0))
    if not isinstance(dataset, Instance):
        return
    for function in reached(methods_of(dataset.cls), ("__getitem__",)):
        source = function.source
        for call in walk(function.node):
            if (
                isinstance(call, ast.Call)
                and drawn_from(full_name(source, dotted(call.func))) in seeding.words
            ):
                place = Place(source.file, call.lineno, function.name, span=source.span(call))
                yield Drawn(f"`{dotted(call.func)}` of the samples", place)


def _by_models(code: Code, loop: Loop, seeding: Action) -> Iterator[Drawn]:
    """Dropout and draws in the forward of models that the loop trains."""
    trained = {id(fact.model) for fact in code.trained}
    called = [a for a in flat(loop.body) if a.kind is Kind.FORWARD and a.recording is not False]
    models = [a.subject for a in called if isinstance(a.subject, Network) and id(a.subject) in trained]
    for model in {id(m): m for m in models}.values():
        parts = {id(part): part for part in model.walk()}
        if "torch" in seeding.words:
            for part in parts.values():
                if _drops(part):
                    yield Drawn(
                        f"the dropout of `{model.name.removeprefix('self.') or 'the model'}`", part.place
                    )
                    break
        for name, facts in code.calls.items():
            if drawn_from(name) not in seeding.words and name != "torch.nn.functional.dropout":
                continue
            if name == "torch.nn.functional.dropout" and "torch" not in seeding.words:
                continue
            for fact in facts:
                if (
                    id(fact.network) in parts
                    and fact.recording is not False
                    and not fact.given(-1, "generator")
                ):
                    yield Drawn(f"`{name.removeprefix('Tensor.')}`", fact.place)


def _is_unclear(loop: Loop) -> bool:
    """Training goes through a loader or a model that was made elsewhere."""
    models = [a.subject for a in flat(loop.body) if a.kind is Kind.FORWARD and a.recording is not False]
    if any(isinstance(m, Network) and not m.known and not m.variants for m in models):
        return True
    passes = [inner.over for inner in (loop, *every_loop(loop.body)) if goes_backward(inner)]
    return any(isinstance(over, Loader) and not over.made for over in passes)


def _drops(layer: Network) -> bool:
    """A layer of torch that drops out for certain."""
    if not layer.layer.startswith("torch.nn.") or "Dropout" not in layer.kind:
        return False
    rate = layer.options.get("p", layer.options.get(0))
    return not (isinstance(rate, Const) and rate.value == 0)
