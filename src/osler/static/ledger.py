"""The ledger of the source: in which state gradients and modes are whenever something happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from osler.model import Action, Code, Kind, Loop, Network, Optimizer, Parameters, Tensor, Trace, Value, flat
from osler.model.code import ClipFact, ForwardFact, GradientState, ModeState, StepFact, TrainingFact
from osler.static.flow import Walk

NO, MAYBE, YES = "no", "maybe", "yes"
EMPTY = GradientState("empty")


def keep_ledger(code: Code) -> None:
    """Derive from the actions what the checks ask for."""
    for trace in code.traces:
        actions = list(flat(trace.nodes))
        kinds = {a.kind for a in actions}
        if kinds & {Kind.STEP, Kind.CLEAR}:
            for optimizer in stepping(actions):
                _steps(code, trace, actions, optimizer)
        if Kind.FORWARD in kinds:
            for model in called(actions):
                _modes(code, trace, model)


def stepping(actions: Iterable[Action]) -> list[Optimizer]:
    """Optimizers that step, each once."""
    found = [a.subject for a in actions if a.kind is Kind.STEP and isinstance(a.subject, Optimizer)]
    return list(dict.fromkeys(found))


def called(actions: Iterable[Action]) -> list[Network]:
    """Root modules that are called, each once."""
    found = [a.subject for a in actions if a.kind is Kind.FORWARD and isinstance(a.subject, Network)]
    return list(dict.fromkeys(found))


def concerns(optimizer: Optimizer, subject: Value | None) -> str:
    """Whether an action on this subject is about the optimizer or its parameters."""
    match subject:
        case None:
            return MAYBE
        case Optimizer():
            if subject is optimizer:
                return YES
            related = {subject, *subject.variants} & {optimizer, *optimizer.variants}
            return MAYBE if related else NO
        case Network():
            held = optimizer.holds(subject)
            return MAYBE if held is None else YES if held else NO
        case _:
            return MAYBE


def reaches(optimizer: Optimizer, backward: Action) -> str:
    """Whether a backward computes gradients of the optimizer's parameters."""
    if "gradient-only" in backward.words:
        return NO
    if "managed" in backward.words:
        return MAYBE
    root = backward.value
    if optimizer.held is None or not isinstance(root, Tensor) or not root.networks:
        return YES
    if any(optimizer.holds(n) for n in root.networks):
        return YES
    if any(optimizer.holds(n) for c in root.cuts for n in c.networks):
        return NO
    unseen = any(isinstance(h, Network) and (h.handed or h.variants) for h in optimizer.held)
    called = any(optimizer.holds(m) for m in root.models)
    return MAYBE if called or (unseen and not root.certain) else NO


def _effect(optimizer: Optimizer, action: Action) -> str:
    match action.kind:
        case Kind.CLEAR | Kind.STEP:
            return (
                NO
                if action.kind is Kind.STEP and "by hand" in action.words
                else concerns(optimizer, action.subject)
            )
        case Kind.BACKWARD:
            return reaches(optimizer, action)
        case Kind.HANDED:
            return MAYBE if action.subject is optimizer else NO
        case Kind.TOUCH:
            return concerns(optimizer, action.subject)
        case Kind.BUILD:
            return YES if action.subject is optimizer else NO
        case _:
            return NO


def _changed(state: GradientState, action: Action, effect: str) -> GradientState:
    if effect == NO:
        return state
    if action.kind is Kind.TOUCH:
        return state if _survives(state, action) else GradientState("unknown")
    if effect == MAYBE:
        return GradientState("unknown")
    match action.kind:
        case Kind.CLEAR:
            return _cleared(state, action)
        case Kind.BACKWARD:
            carried = state.kind in {"stale", "carried"}
            return GradientState("carried" if carried else "fresh", None, action)
        case Kind.STEP:
            return GradientState("stale", None, state.backward)
        case Kind.BUILD:
            return EMPTY
        case _:
            return state


def _survives(state: GradientState, action: Action) -> bool:
    """What was true of the gradients still is after they were changed by hand.

    Scaling what remains of steps before may be a momentum of the user's own.
    """
    if "scaled" in action.words:
        return state.kind in {"fresh", "empty", "blank"}
    return "added" in action.words and state.kind in {"fresh", "carried"}


def _cleared(state: GradientState, action: Action) -> GradientState:
    match state.kind:
        case "fresh" | "carried":
            return GradientState("empty", action, state.backward)
        case "stale":
            return EMPTY
        case "unknown" | "blank":
            return GradientState("blank")
        case _:
            return state


def _steps(code: Code, trace: Trace, actions: list[Action], optimizer: Optimizer) -> None:
    effects = {id(a): _effect(optimizer, a) for a in actions}
    visits: dict[Action, list[frozenset[GradientState]]] = {}
    around: dict[Action, tuple[Loop, ...]] = {}

    def change(state: GradientState, action: Action) -> GradientState:
        return _changed(state, action, effects[id(action)])

    def visit(action: Action, states: frozenset[GradientState], loops: tuple[Loop, ...]) -> None:
        is_step = action.kind is Kind.STEP and action.subject is optimizer
        if is_step or (action.kind is Kind.CLIP and clips(optimizer, action)):
            around[action] = loops
            if walk.is_steady:
                visits.setdefault(action, []).append(states)

    walk = Walk(change, visit)
    walk.follow(trace.nodes, EMPTY)
    concerned = [a for a in actions if effects[id(a)] != NO]
    clears = tuple(a for a in concerned if a.kind is Kind.CLEAR)
    backwards = tuple(a for a in concerned if a.kind is Kind.BACKWARD)
    for action, seen in visits.items():
        if action.kind is Kind.CLIP:
            code.clipped.append(ClipFact(optimizer, action, around[action], tuple(seen)))
        else:
            fact = StepFact(optimizer, action, trace, around[action], tuple(seen), clears, backwards)
            code.stepped.append(fact)


def clips(optimizer: Optimizer, clip: Action) -> bool:
    """Whether all that is clipped are gradients of the optimizer."""
    given = clip.subject
    owners = given.owners if isinstance(given, Parameters) and given.known else ()
    return bool(owners) and all(isinstance(o, Network) and optimizer.holds(o) for o in owners)


def starting_mode(trace: Trace, model: Network) -> str:
    """The mode before anything sets it."""
    if model.variants and not trace.is_open:
        return "train" if all(starting_mode(trace, v) == "train" for v in model.variants) else "unknown"
    uncertain = not model.layer and not hasattr(model, "cls")
    if trace.is_open or uncertain or model.handed or "from_pretrained" in model.layer or "hub" in model.layer:
        return "unknown"
    return "train"


def _modes(code: Code, trace: Trace, model: Network) -> None:
    above = {id(model): True}
    forwards: dict[Action, list[frozenset[ModeState]]] = {}
    around: dict[Action, tuple[Loop, ...]] = {}
    backwards: dict[Action, list[frozenset[ModeState]]] = {}

    def governs(subject: Value | None) -> bool:
        if id(subject) not in above:
            inside = isinstance(subject, Network) and (
                any(n is model for n in subject.walk()) or subject in model.variants
            )
            above[id(subject)] = inside
        return above[id(subject)]

    def change(state: ModeState, action: Action) -> ModeState:
        return _mode_after(state, action, model, governs=action.subject is None or governs(action.subject))

    def visit(action: Action, states: frozenset[ModeState], loops: tuple[Loop, ...]) -> None:
        if action.kind is Kind.FORWARD and action.subject is model:
            forwards.setdefault(action, []).append(states)
            around[action] = loops
        elif (
            action.kind is Kind.BACKWARD and isinstance(action.value, Tensor) and model in action.value.models
        ):
            sites = action.value.sites
            through = frozenset(s for s in states if s.forward is not None and s.forward.place in sites)
            backwards.setdefault(action, []).append(through)

    Walk(change, visit).follow(trace.nodes, ModeState(starting_mode(trace, model)))
    code.called += [ForwardFact(model, a, trace, around[a], tuple(v)) for a, v in forwards.items()]
    code.trained += [TrainingFact(model, a, trace, tuple(v)) for a, v in backwards.items()]


def _mode_after(state: ModeState, action: Action, model: Network, *, governs: bool) -> ModeState:
    match action.kind:
        case Kind.MODE if governs:
            mode = next((w for w in ("train", "eval") if w in action.words), "unknown")
            return replace(state, mode=mode if action.subject is not None else "unknown", by=action)
        case Kind.HANDED if governs and action.subject is not None:
            return replace(state, mode="unknown", by=None)
        case Kind.FORWARD if action.subject is model and action.recording is not False:
            return replace(state, forward=action, was=state.mode, was_by=state.by)
        case _:
            return state
