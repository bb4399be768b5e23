"""An optimizer steps on gradients that another loss left in its parameters on its way to another network.

Where two optimizers train two networks against each other, the loss of one goes backward through the other
as well. What it leaves there belongs to nobody: unless it is cleared before the other's own backward, both
gradients are added, and the network is trained for its opponent as much as for itself.

## Bad

```python
maker, judge = nn.Linear(4, 8), nn.Linear(8, 1)
maker_optimizer = torch.optim.SGD(maker.parameters(), lr=0.05)
judge_optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        fake = maker(torch.randn(len(x), 4))
        judge_loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fake.detach())).mean()
        judge_loss.backward()
        judge_optimizer.step()
        judge_optimizer.zero_grad()

        maker_optimizer.zero_grad()
        F.softplus(-judge(fake)).mean().backward()
        maker_optimizer.step()
```

## Good

```python
maker, judge = nn.Linear(4, 8), nn.Linear(8, 1)
maker_optimizer = torch.optim.SGD(maker.parameters(), lr=0.05)
judge_optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        fake = maker(torch.randn(len(x), 4))
        judge_loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fake.detach())).mean()
        judge_optimizer.zero_grad()
        judge_loss.backward()
        judge_optimizer.step()

        maker_optimizer.zero_grad()
        F.softplus(-judge(fake)).mean().backward()
        maker_optimizer.step()
```

## Not a problem

- A shared trunk that collects the gradients of several losses while their heads step one by one.
- Several optimizers that step on one backward, or on the sum of several.
- Gradients that are cleared by hand, or that cannot arise because the other network is frozen meanwhile.
- Gradients that are left behind and cleared before the next backward.

## Sources

- [DCGAN tutorial](https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html)
- Reported in [img2img-turbo](https://github.com/GaParmar/img2img-turbo/issues/56) and
  [Self-Attention-GAN](https://github.com/heykeetae/Self-Attention-GAN/issues/48)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import BY_HAND, Check, Evidence, Finding, GraphFact, Kind, LeakFact, Run, Severity

PATIENCE = 3
"""Steps on both before we speak: the first turns of a loop may differ from the rest."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="an optimizer steps on the gradients of its own loss",
    why="This network is also trained on the loss of another one, which may be its opponent.",
    fix="Clear the gradients of this optimizer right before its own `backward()`, and detach what the other "
    "loss shall not train.",
    symptoms=("loss-diverges", "loss-oscillates"),
)


@check.applies_when
def several_optimizers(run: Run) -> str:
    return "" if len(run.optimizers) > 1 else "there is only one optimizer"


@check.in_run
def steps_on_both(run: Run) -> Iterator[Finding]:
    for fact in run.leaks.values():
        known = BY_HAND not in (fact.optimizer, fact.other)
        if known and fact.times >= PATIENCE and is_by_product(run, fact):
            yield describe(run, fact)


def is_by_product(run: Run, fact: LeakFact) -> bool:
    """The gradients arose on the way to the other network, or both losses go through both networks.

    Otherwise the two share a part, such as a trunk with two heads, and that part collects what it is due.
    """
    graph, own = run.graphs.get(fact.source), run.graphs.get(fact.own)
    if graph is None or own is None:
        return False
    mine = leaves_of(run, graph, fact.optimizer, fact.other)
    theirs = leaves_of(run, graph, fact.other, fact.optimizer)
    if not mine or not theirs:
        return False
    above = ancestors(graph, theirs)
    passed = any(parent in above for parent, child in graph.edges if child in mine)
    return passed or bool(leaves_of(run, own, fact.other, fact.optimizer))


def leaves_of(run: Run, graph: GraphFact, optimizer: str, besides: str) -> set[int]:
    """Leaves of a graph that only the first of two optimizers holds."""
    found: set[int] = set()
    for position, name in graph.parameters:
        held = run.parameters[name].optimizers if name in run.parameters else ()
        if optimizer in held and besides not in held:
            found.add(position)
    return found


def ancestors(graph: GraphFact, leaves: set[int]) -> set[int]:
    """Positions from which a gradient goes on to one of these leaves."""
    parents: dict[int, list[int]] = {}
    for parent, child in graph.edges:
        parents.setdefault(child, []).append(parent)
    found, todo = set[int](), list(leaves)
    while todo:
        new = [p for p in parents.get(todo.pop(), ()) if p not in found]
        found.update(new)
        todo += new
    return found


def describe(run: Run, fact: LeakFact) -> Finding:
    cleared = run.usual_site(run.of(Kind.CLEAR, fact.optimizer))
    return check.finding(
        fact.source,
        f"`{fact.optimizer}` stepped at least {fact.times} times on the gradients of two losses: on its own, "
        f"and on those that this `backward()`, made for a step of `{fact.other}`, had left in its "
        "parameters.",
        step=fact.step,
        subject=fact.optimizer,
        related=[
            (fact.own, "its own backward adds to them"),
            (fact.site, "this step uses both"),
            (cleared, "too early or too late to clear them"),
        ],
        evidence=[Evidence("steps on gradients of two losses", fact.times, "0")],
    )
