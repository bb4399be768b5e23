"""Which layers gradients reach, which optimizers hold, and where the graph between them is cut."""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Action, Code, Cut, Kind, Network, Optimizer, Tensor, Trace, flat
from osler.static.queries import learns


def backwards_of(trace: Trace) -> Iterator[tuple[Action, Tensor]]:
    """Backward calls with the tensor they start from, where that is known."""
    for action in flat(trace.nodes):
        if action.kind is Kind.BACKWARD and isinstance(action.value, Tensor):
            yield action, action.value


def below(networks: frozenset[Network]) -> set[Network]:
    """These modules and all in them."""
    return {n for network in networks for n in network.walk()}


def reached(code: Code) -> set[Network]:
    """Every module that some backward reaches."""
    return {n for t in code.traces for _, root in backwards_of(t) for n in below(root.networks)}


def held(code: Code) -> set[Network] | None:
    """Every module in some optimizer; None if that cannot be told."""
    found: set[Network] = set()
    for optimizer in code.optimizers:
        if is_out_of_use(code, optimizer):
            continue
        if optimizer.held is None or any(not isinstance(h, Network) for h in optimizer.held):
            return None
        found |= {n for h in optimizer.held if isinstance(h, Network) for n in h.walk()}
    return found


def is_out_of_use(code: Code, optimizer: Optimizer) -> bool:
    """It was replaced before it could step."""
    return optimizer.replaced and all(s.optimizer is not optimizer for s in code.stepped)


def updated_by_hand(code: Code) -> set[Network]:
    """Modules whose parameters are changed without an optimizer."""
    steps = [a.subject for a in code.actions(Kind.STEP) if "by hand" in a.words]
    return {n for s in steps if isinstance(s, Network) for n in s.walk()}


def learning(networks: set[Network]) -> list[Network]:
    """Layers among these that have parameters to train, and whose weights are their own."""
    return [n for n in networks if (learns(n) or n.kind == "Parameter") and not n.frozen]


def is_fresh(model: Network) -> bool:
    """All its weights start from scratch here, and all of it was read."""
    return all(n.known and not (n.pretrained or n.loaded or n.frozen or n.handed) for n in model.walk())


def steppers(code: Code, trace: Trace) -> list[Optimizer]:
    """Optimizers that step on this way."""
    return list(dict.fromkeys(s.optimizer for s in code.stepped if s.trace is trace))


def groups(optimizer: Optimizer) -> set[Network]:
    """All modules that an optimizer holds."""
    return {n for h in optimizer.held or () if isinstance(h, Network) for n in h.walk()}


def lost_behind(code: Code, cut: Cut, trace: Trace) -> list[Network]:
    """Layers before a cut that an optimizer steps on here although no backward ever reaches them."""
    stepped = {n for o in steppers(code, trace) for n in groups(o)}
    missing = below(cut.networks) - reached(code) - updated_by_hand(code)
    return [n for n in learning(missing & stepped) if n.known and not (n.pretrained or n.loaded or n.handed)]


def named(networks: list[Network]) -> list[str]:
    """Their names without ``self.``, each once."""
    return sorted({n.name.removeprefix("self.") or n.kind for n in networks})
