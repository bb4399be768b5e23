"""What code detectors ask of `Code` beyond its facts: modules by their layers, loops by what they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from osler.model import (
    Action,
    Activation,
    Branch,
    CallNode,
    Code,
    Const,
    ExitNode,
    ForwardFact,
    Helper,
    Kind,
    Loader,
    Loop,
    Maybe,
    Network,
    Node,
    Optimizer,
    Place,
    StepFact,
    Tensor,
    Trace,
    Value,
    flat,
)
from osler.static.knowledge import CONTAINERS, SENSITIVE, WITHOUT_PARAMETERS
from osler.static.tensors import tensors_in
from osler.static.values import UserNetwork

EVALUATION = re.compile(
    r"(^|_)(test|eval|evaluate|evaluation|valid|validate|validation|val|infer|inference)(_|\d|$)",
    re.IGNORECASE,
)

RATES = {"Transformer": 5, "TransformerEncoderLayer": 3, "TransformerDecoderLayer": 3}
"""Layers with dropout inside, and where its rate stands."""

STACKS = {"TransformerEncoder": "encoder_layer", "TransformerDecoder": "decoder_layer"}
"""Layers that repeat another one, and what it is called."""

F = TypeVar("F")


def switches_mode(network: Network) -> bool | None:
    """Whether the module does something else in eval mode; None if some of it could not be read."""
    unclear = False
    for part in network.walk():
        if part.switches or (part.layer.startswith("torch.nn.") and _is_sensitive(part)):
            return True
        if part.layer.startswith("torchvision.models"):
            return True
        unclear |= not part.known and not part.variants
        unclear |= isinstance(part, UserNetwork) and part.cls is None
    return None if unclear else False


def _is_sensitive(layer: Network) -> bool:
    if layer.kind in {"LSTM", "GRU", "RNN", "MultiheadAttention"}:
        return _positive(layer.options.get("dropout"))
    if "Dropout" in layer.kind:
        rate = layer.options.get("p", layer.options.get(0))
        return not isinstance(rate, Const) or _positive(rate)
    if layer.kind in RATES:
        rate = layer.options.get("dropout", layer.options.get(RATES[layer.kind]))
        return not isinstance(rate, Const) or _positive(rate)
    if layer.kind in STACKS:
        stacked = layer.options.get(STACKS[layer.kind], layer.options.get(0))
        return not isinstance(stacked, Network) or switches_mode(stacked) is not False
    return bool(SENSITIVE.match(layer.kind))


def _positive(value: Value | None) -> bool:
    return isinstance(value, Const) and isinstance(value.value, int | float) and value.value > 0


def learns(layer: Network) -> bool:
    """It is a layer of torch with parameters of its own."""
    if not layer.layer.startswith("torch.nn.") or not layer.known:
        return False
    return layer.kind not in CONTAINERS and not WITHOUT_PARAMETERS.match(layer.kind)


def shown(thing: Network | Optimizer | Loader | Helper) -> str:
    """The name between backticks, without `self.`."""
    return f"`{thing.name.removeprefix('self.') or 'it'}`"


def everywhere(facts: Iterable[F], place: Callable[[F], Place], holds: Callable[[F], object]) -> Iterator[F]:
    """One fact for each line at which the claim holds on every way that leads there."""
    by_line: dict[tuple[str, int], list[F]] = {}
    for fact in facts:
        by_line.setdefault((place(fact).file, place(fact).line), []).append(fact)
    for same in by_line.values():
        if all(holds(fact) for fact in same):
            yield same[0]


def anywhere(facts: Iterable[F], place: Callable[[F], Place], holds: Callable[[F], object]) -> Iterator[F]:
    """One fact for each line at which the claim certainly holds on some way that leads there."""
    told: set[tuple[str, int]] = set()
    for fact in facts:
        key = (place(fact).file, place(fact).line)
        if key not in told and holds(fact):
            told.add(key)
            yield fact


def late_backward(fact: StepFact) -> Action | None:
    """The backward behind the step, in its loop or function, although its forward comes before the step."""
    order = list(flat(fact.loops[-1].body if fact.loops else fact.trace.nodes))
    if not fact.loops:
        home = fact.step.place
        order = [a for a in order if (a.place.file, a.place.function) == (home.file, home.function)]
    step = order.index(fact.step)
    if not fact.loops and not (fact.step.place.function and any(a in fact.clears for a in order[:step])):
        return None  # only what was cleared here is certainly gone
    own = [a for a in order if a in fact.backwards]
    if not own or any(a in order[:step] for a in own):
        return None
    sites = own[0].value.sites if isinstance(own[0].value, Tensor) else frozenset[Place]()
    early = any(a.kind in (Kind.FORWARD, Kind.LOSS) and a.place in sites for a in order[:step])
    return own[0] if early else None


def loader_loop(loops: Iterable[Loop]) -> Loop | None:
    """The innermost loop over a loader."""
    return next((loop for loop in reversed(tuple(loops)) if isinstance(loop.over, Loader)), None)


def goes_backward(loop: Loop) -> bool:
    """Something in the loop computes gradients or updates."""
    return any(a.kind in (Kind.BACKWARD, Kind.STEP) for a in flat(loop.body))


def trainings(code: Code) -> Iterator[tuple[Loader, Loop, list[Loop]]]:
    """Loaders of torch with each loop that trains on them, and the loops around that one."""
    for trace in code.traces:
        loops = list(every_loop(trace.nodes))
        inside = [(loop, {id(inner) for inner in every_loop(loop.body)}) for loop in loops]
        for loop in loops:
            over = loop.over
            if not isinstance(over, Loader) or over.made != "torch.utils.data.DataLoader":
                continue
            if goes_backward(loop):
                yield over, loop, [outer for outer, inner in inside if id(loop) in inner]


def serves_backward(code: Code, forward: Action) -> bool:
    """Some backward goes through the output of this call, or what it goes through was chosen by it."""
    if forward.recording is False:
        same = (a for a in code.actions(Kind.FORWARD) if a.place == forward.place)
        if any(a.recording is not False for a in same):  # then it is the line's other calls that do
            return False
    return any(forward.place in root_sites(b) for b in code.actions(Kind.BACKWARD))


def leaves_graph(output: Value | None) -> bool:
    """What a module returned certainly carries a graph, alone or as one of several outputs."""
    return output is not None and any(t.has_graph for t in tensors_in(output))


def root_sites(backward: Action) -> frozenset[Place]:
    """Where the root modules behind a backward were called."""
    return backward.value.sites if isinstance(backward.value, Tensor) else frozenset()


def is_unclear(backward: Action) -> bool:
    """It is not known what the backward goes through."""
    return not isinstance(backward.value, Tensor)


def is_apart(code: Code, fact: ForwardFact) -> bool:
    """The module is called where nothing is trained: in a loop over a loader, or an evaluation."""
    if "method" in fact.forward.words:
        return False
    loop = loader_loop(fact.loops)
    if loop is not None:
        return not goes_backward(loop)
    place = fact.forward.place
    training = (a.place for kind in (Kind.BACKWARD, Kind.STEP) for a in code.actions(kind))
    same = any((p.file, p.function) == (place.file, place.function) for p in training)
    return bool(place.function) and is_named_evaluation(fact) and not same and is_trained(code, fact.model)


def is_named_evaluation(fact: ForwardFact) -> bool:
    """Its function or its loader is called so."""
    loop = loader_loop(fact.loops)
    over = loop.over if loop else None
    names = (fact.forward.place.function, over.name if isinstance(over, Loader) else "")
    return any(EVALUATION.search(n) for n in names) and not any("train" in n.lower() for n in names)


def is_trained(code: Code, model: Network) -> bool:
    """Some backward goes through the module, and an optimizer may hold it."""
    return any(t.model is model for t in code.trained)


def optimizers_of(trace: Trace) -> list[Optimizer]:
    """Optimizers that are built or step on this way."""
    found = [a.subject for a in flat(trace.nodes) if isinstance(a.subject, Optimizer)]
    return list(dict.fromkeys(found))


def loss_inputs(code: Code, *functions: str) -> Iterator[tuple[Action, Activation]]:
    """Trained losses of these kinds with what their input has just gone through, once for each line."""
    told: set[tuple[str, int]] = set()
    for action in code.actions(Kind.LOSS):
        value = action.value.value if isinstance(action.value, Maybe) else action.value
        key = (action.place.file, action.place.line)
        if action.recording is False or key in told or not action.words & {*functions}:
            continue
        if isinstance(value, Tensor) and value.activation is not None:
            told.add(key)
            yield action, value.activation


def is_evaluated(fact: ForwardFact) -> bool:
    """Gradients are off, or it is called an evaluation."""
    return fact.forward.recording is False or is_named_evaluation(fact)


def in_train_mode(code: Code, fact: ForwardFact) -> bool:
    """An evaluation of a module that is trained, in which the mode can only be train.

    Where nobody takes the output, the module is called for its statistics, as in a calibration.
    """
    if not fact.always("train") or "discarded" in fact.forward.words:
        return False
    if not (is_evaluated(fact) and is_apart(code, fact)) and not is_only_scored(code, fact):
        return False
    return is_trained(code, fact.model) and not serves_backward(code, fact.forward)


def is_only_scored(code: Code, fact: ForwardFact) -> bool:
    """A loss of its output is computed, inside a loop that trains, and nothing goes backward from there."""
    if fact.trace.is_open or code.frameworks or not any(goes_backward(loop) for loop in fact.loops):
        return False
    backwards = [a.value for a in code.actions(Kind.BACKWARD)]
    if not all(isinstance(root, Tensor) and root.certain for root in backwards):
        return False
    scored = (a.value for a in code.actions(Kind.LOSS))
    return any(isinstance(v, Tensor) and fact.forward.place in v.sites for v in scored)


def is_inspection(code: Code, backward: Action) -> bool:
    """Gradients are looked at, as in saliency maps and attacks, or used in a hook as soon as they come."""
    modes = {s.was for t in code.trained if t.backward is backward for states in t.visits for s in states}
    asked = [c.arguments.get(0) for c in code.calls_of("Tensor.requires_grad_", "set.requires_grad")]
    of_inputs = any(isinstance(tensor, Tensor) and tensor.batch is not None for tensor in asked)
    return modes == {"eval"} or of_inputs or "register_post_accumulate_grad_hook" in code.methods


def loops_of(trace: Trace) -> list[Node]:
    """The outermost loops on a way."""
    return _loops(trace.nodes)


def _loops(nodes: list[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        match node:
            case Loop() if not (node.once or node.framework):
                found.append(node)
            case Loop() | CallNode():
                found += _loops(node.body)
            case Branch():
                found += [n for way in node.ways for n in _loops(way)]
            case _:
                pass
    return found


def innermost_loops(trace: Trace, kind: Kind) -> Iterator[list[Action]]:
    """The own actions of each loop, not those of loops inside, if something of this kind is among them."""
    for loop in every_loop(trace.nodes):
        inside = {id(a) for inner in every_loop(loop.body) for a in flat(inner.body)}
        own = [a for a in flat(loop.body) if id(a) not in inside]
        if any(a.kind is kind for a in own):
            yield own


def every_loop(nodes: list[Node]) -> Iterator[Loop]:
    """All loops of a tree, outer ones first."""
    for node in nodes:
        match node:
            case Loop():
                yield node
                yield from every_loop(node.body)
            case CallNode():
                yield from every_loop(node.body)
            case Branch():
                for way in node.ways:
                    yield from every_loop(way)
            case _:
                pass


def may_leave(nodes: list[Node]) -> bool:
    """Something leaves the loop or its turn early; what leaves a loop inside is taken for that too."""
    for node in nodes:
        match node:
            case ExitNode():
                return True
            case Loop() if may_leave(node.body):
                return True
            case Branch() if any(map(may_leave, node.ways)):
                return True
            case _:
                pass
    return False


def in_each_turn(nodes: list[Node]) -> Iterator[Action]:
    """What each turn of a loop does once, whatever happens."""
    for node in nodes:
        match node:
            case Action():
                yield node
            case CallNode():
                yield from in_each_turn(node.body)
            case _:
                pass
