"""The graph of a step holds the graphs of all steps before it, because something is carried on undetached.

A hidden state, a running mean or a baseline that one step computes and the next one uses ties their graphs
together. `backward()` then goes through all of them again, which is why torch asks for `retain_graph=True`:
the option silences the error and keeps the mistake.

## Bad

```python
level = torch.zeros(16)
embed = nn.Linear(8, 16)
optimizer = torch.optim.SGD([*model.parameters(), *embed.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        level = 0.9 * level + 0.1 * embed(x).mean(dim=0)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y) + level.square().mean()
        loss.backward(retain_graph=True)
        optimizer.step()
```

## Good

```python
level = torch.zeros(16)
embed = nn.Linear(8, 16)
optimizer = torch.optim.SGD([*model.parameters(), *embed.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        level = 0.9 * level.detach() + 0.1 * embed(x).mean(dim=0)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y) + level.square().mean()
        loss.backward()
        optimizer.step()
```

## Not a problem

- Two backward calls over one graph, as in a GAN.
- A part that is computed once and used by every step: its graph stays as large as it is.
- A recurrent network that is unrolled over many steps for one backward, and longer and longer sequences.
- A state that is detached every few steps.

## Sources

- [torch.Tensor.backward: retain_graph](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html)
- [Frequently asked questions: out of memory](https://docs.pytorch.org/docs/stable/notes/faq.html)
- Reported in [PyTorch](https://github.com/pytorch/pytorch/issues/2198)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Action, Check, Code, Evidence, Finding, GrowthFact, Kind, Run, Severity
from osler.static.queries import everywhere

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the graph of a step ends where the step before it began",
    why="Every step computes the gradients of all earlier ones again and takes ever more time and memory.",
    fix="Detach what goes on to the next step, `state = state.detach()`, and drop `retain_graph=True`.",
    symptoms=("graph-kept-in-accumulator", "memory-grows"),
)


@check.in_code
def carried_undetached(code: Code) -> Iterator[Finding]:
    for backward in everywhere(code.actions(Kind.BACKWARD), lambda a: a.place, retains):
        yield check.finding(
            backward.site,
            "`retain_graph=True` keeps the graph of a state that each turn of the loop carries on "
            "undetached: this backward goes through all earlier turns.",
        )


def retains(backward: Action) -> bool:
    """The graph goes back into earlier turns, and the option that silences the error is given."""
    return {"retain_graph", "grows"} <= backward.words and not backward.words & {
        "create_graph",
        "gradient-only",
    }


@check.applies_when
def no_backward(run: Run) -> str:
    return "" if run.backwards else "backward was never called"


@check.in_run
def grows_from_step_to_step(run: Run) -> Iterator[Finding]:
    for fact in run.growing.values():
        yield describe(fact)


def describe(fact: GrowthFact) -> Finding:
    carrier = f"`{fact.holder}` carries" if fact.holder else "Something carries"
    return check.finding(
        fact.holder_site or fact.site,
        f"{carrier} the graph of each step into the next: `backward()` went through {fact.first} operations "
        f"at its first call and through {fact.operations} at call {fact.calls}, at least {fact.old} of them "
        "from earlier calls.",
        step=fact.step,
        subject=fact.holder,
        related=[(fact.site, "this backward goes through all of them")],
        evidence=[Evidence("operations of earlier calls in the graph", fact.old, "0")],
    )
