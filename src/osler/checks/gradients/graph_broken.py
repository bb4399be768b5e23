"""An operation on the way from the parameters to the loss cuts the graph.

`backward()` follows the record that autograd keeps of every operation. `detach()`, `.data`, `.item()`,
`.numpy()`, `torch.tensor(...)` and `torch.no_grad()` end that record; `argmax` and comparisons have no
gradient. The parameters before such an operation are never trained, or `backward()` fails.

## Bad

```python
class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.relu(self.body(x)).detach()
        return self.head(h)


model = Broken()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Targets that no gradient shall reach, such as those of a teacher or an exponential average.
- `D(fake.detach())` in a GAN, and straight-through estimators: the gradients take another way.

## Sources

- [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- [Tensor.detach](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html) and
  [no_grad](https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html)
- Reported in [FL-MRCM](https://github.com/guopengf/FL-MRCM/issues/10)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    CutFact,
    Evidence,
    Finding,
    Kind,
    ParameterFact,
    Pattern,
    Run,
    Severity,
    Site,
    counted,
    listed,
    since,
)
from osler.static.reach import backwards_of, lost_behind, named

PATIENCE = 3
"""Steps of the optimizer before cut-off parameters are reported: parts may take turns."""

LEAVES = 2
"""Turns with a loss that nothing lies behind before we speak: one can be a test."""

REMEDIES = {
    "argmax argmin argsort round floor ceil trunc sign eq ne lt le gt ge bool long int one_hot": (
        "Compute the loss from the values before this operation, which has no gradient: "
        "for classes, from the logits with `CrossEntropyLoss`."
    ),
    "detach data": "Remove `.detach()` or `.data` from the path to the loss.",
    "item tolist numpy tensor as_tensor from_numpy float array": (
        "Keep the tensor that was computed: do not turn it into a number or a new tensor before `backward()`."
    ),
    "no_grad inference_mode": "Take the forward that is trained out of `torch.no_grad()`.",
    "autograd.grad": "Pass `create_graph=True` to `autograd.grad`.",
    "requires_grad": "Unfreeze what shall be trained with `requires_grad_(True)`.",
}
"""What to do about each kind of cut, by the names of the operations."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="every operation between the parameters and the loss is differentiable and recorded",
    why="No gradient passes this operation: what lies before it is never trained.",
    fix="Remove the operation from the path between the parameters and the loss.",
    symptoms=(
        "parameters-without-gradient",
        "updates-absent",
        "optimizer-never-steps",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
        "cannot-overfit-one-batch",
    ),
)


@check.in_code
def cut_on_the_way(code: Code) -> Iterator[Finding]:
    recorded = {b.place for trace in code.traces for b, root in backwards_of(trace) if root.networks}
    for trace in code.traces:
        for backward, root in backwards_of(trace):
            for cut in root.cuts:
                trains_elsewhere = cut.operation == "no_grad" and backward.place in recorded
                if trains_elsewhere or not (lost := lost_behind(code, cut, trace)):
                    continue
                yield check.finding(
                    (cut.place,),
                    f"`{cut.operation}` cuts the graph: no gradient reaches {listed(named(lost))} before it.",
                    related=[(backward.site, "no backward from here gets past the cut")],
                    fix=remedy(cut.operation),
                )


@check.in_run
def path_cut(run: Run) -> Iterator[Finding]:
    found = [*loss_without_history(run), *backward_failed(run)]
    yield from found
    told = {(f.place.file, f.place.line) for f in found}
    untold = [c for c in run.cuts if told.isdisjoint((p.file, p.line) for p in c.site[:1])]
    cut_off = [p for p in run.parameters.values() if is_cut_off(run, p)]
    pairs = [(cut, lost_by(run, cut, cut_off)) for cut in untold if not stops_on_purpose(run, cut)]
    explained: set[ParameterFact] = set()
    for cut, lost in sorted(pairs, key=lambda pair: -len(pair[1])):
        if not explained.issuperset(lost):
            yield describe_cut(run, cut, lost)
            explained.update(lost)


def is_cut_off(run: Run, p: ParameterFact) -> bool:
    """An optimizer that stepped before the look holds it in vain."""
    waiting = p.trainable and p.used and not (p.reached or p.updated)
    return waiting and any(run.steps_at_look(o) >= PATIENCE for o in p.optimizers)


def lost_by(run: Run, cut: CutFact, cut_off: list[ParameterFact]) -> list[ParameterFact]:
    """Those that get no gradient because of this cut.

    A discriminator's loss rightly stops at the generator; the generator's own loss may not. So the backward
    behind the cut must be one that an optimizer of the parameter steps on.
    """
    served = run.stepping_on(cut.root)
    return [p for p in cut_off if cut.is_behind(p) and (not served or served & {*p.optimizers})]


def stops_on_purpose(run: Run, cut: CutFact) -> bool:
    """Values taken out of the graph beside a path that is trained, outside of a forward: a target."""
    beside = [cut]
    if cut.operation in ("no_grad", "inference_mode"):
        beside = [c for c in run.cuts if c.operation == cut.operation]
    elif cut.operation not in ("detach", "data") or any(p.function == "forward" for p in cut.site[:1]):
        return False
    return any(p.reached and c.is_behind(p) for p in run.parameters.values() for c in beside)


def describe_cut(run: Run, cut: CutFact, lost: list[ParameterFact]) -> Finding:
    elements, total = run.share_of(lost)
    return check.finding(
        cut.site,
        f"{cut.spelled} cuts the graph, so no gradient reaches {counted(len(lost), 'trainable parameter')} "
        f"before it: {listed([p.name for p in lost])}. "
        f"{run.share_in_words(lost)}",
        step=since(lost),
        subject=lost[0].model,
        related=[
            (run.usual_site(run.of(Kind.BACKWARD)), "no backward from here gets past the cut"),
            (run.holder_site(lost[0]), "the optimizer that holds them is built here"),
        ],
        evidence=[Evidence("elements cut off", elements, f"0 of {total}", step=run.parameters_step)],
        fix=remedy(cut.operation),
    )


def loss_without_history(run: Run) -> Iterator[Finding]:
    """A loss that requires a gradient although nothing lies behind it."""
    roots = [(e, p) for e, p in run.events(Kind.BACKWARD) if "leaf-root" in e.traits]
    if sum(p.count for _, p in roots) < LEAVES:
        return
    backward, first = roots[0][0], min(p.step for _, p in roots)
    count = sum(p.times(e) for e, p in roots)
    cut = run.cuts[0] if run.cuts else None
    reason = (
        f"{cut.spelled} had cut the graph" if cut else "it is a new tensor, not the result of a computation"
    )
    yield check.finding(
        cut.site if cut else backward.site,
        f"`backward()` was called {count} times on a tensor with no graph behind it: "
        f"{reason}, so no parameter got a gradient.",
        step=first,
        related=[(backward.site, "backward starts here and reaches nothing")],
        evidence=[Evidence("backward calls that reach nothing", count, "0", step=first)],
        fix=remedy(cut.operation if cut else "tensor"),
    )


def backward_failed(run: Run) -> Iterator[Finding]:
    """The error that torch raises when the loss has no graph, explained."""
    if run.crash is None or "does not require grad" not in run.crash.message:
        return
    roots = [(e, p) for e, p in run.events(Kind.BACKWARD) if "no-graph" in e.traits]
    for backward, pattern in roots[-1:]:
        site, operation, reason = culprit(run, pattern)
        yield check.finding(
            site or backward.site,
            f"`backward()` was called on a tensor without a graph: {reason}.",
            step=pattern.step,
            related=[(backward.site, "backward fails here")],
            fix=remedy(operation),
        )


def culprit(run: Run, pattern: Pattern) -> tuple[Site, str, str]:
    """Line, operation and words for what left the loss without a graph."""
    for cut in run.cuts[-1:]:
        return cut.site, cut.operation, f"{cut.spelled} had cut it off"
    for forward in pattern.of(Kind.FORWARD):
        if "no-grad" in forward.traits:
            return forward.site, "no_grad", f"`{forward.subject}` ran under `torch.no_grad()`"
    if run.models and not any(m.trainable for m in run.models.values()):
        return (), "requires_grad", "every parameter of the model is frozen"
    loss = next((e.site for e in pattern.of(Kind.LOSS) if "grad" not in e.traits), ())
    model = next((e.subject for e in pattern.of(Kind.FORWARD) if "grad" in e.traits), "")
    lost = f"the output of `{model}` had one, but it was lost on the way to the loss"
    return loss, "", lost if model else "nothing it was computed from requires a gradient"


def remedy(operation: str) -> str:
    """What to do about one kind of cut; empty for the check's own advice."""
    return next((advice for names, advice in REMEDIES.items() if operation.strip("_") in names.split()), "")
