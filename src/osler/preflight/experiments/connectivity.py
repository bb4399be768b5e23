"""Which parameters do the losses of the first turn reach, and does an optimizer hold them?"""

from __future__ import annotations

from osler.model import counted, listed
from osler.model.setupfacts import ConnectivityFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps

QUESTION = "does a gradient reach every parameter, and is every one of them trained?"
COST = 0


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if not bench.models:
        return "no model was called in the first turn"
    if not all(root.complete for root in bench.seen.roots):
        return "custom functions, checkpoints or compiled code hide what lies behind the loss"
    return ""


def perform(bench: Bench) -> Steps:
    """Compare the leaves behind the losses with the parameters of models and optimizers."""
    yield from ()
    reached = {id(leaf): leaf for root in bench.seen.roots for leaf in root.leaves}
    held = {id(p) for o in bench.optimizers for g in o.param_groups for p in g["params"]}
    facts: list[ConnectivityFact] = []
    site = bench.root.site if bench.root is not None else ()
    for model in bench.models:
        wanted = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        facts.append(
            ConnectivityFact(
                type(model).__name__,
                sum(id(p) in reached for _, p in wanted),
                tuple(n for n, p in wanted if id(p) not in reached),
                tuple(n for n, p in wanted if id(p) in reached and id(p) not in held),
                site,
            )
        )
    known = sum(f.reached for f in facts)
    cut, free = [n for f in facts for n in f.unreached], [n for f in facts for n in f.unheld]
    if not cut and not free:
        answer = f"yes: {counted(known, 'parameter')} reached, all held by an optimizer"
    else:
        parts = [f"{counted(len(cut), 'parameter')} not reached: {listed(cut)}"] if cut else []
        parts += [f"{counted(len(free), 'parameter')} held by no optimizer: {listed(free)}"] if free else []
        answer = "no: " + "; ".join(parts)
    values = {"reached": known, "unreached": len(cut), "unheld": len(free)}
    return Outcome(answer, values, tuple(facts))
