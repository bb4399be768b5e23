"""The state of a recurrent cell is cut off its graph at every step.

Backpropagation through time runs backwards along the state. With `state.detach()` between two steps, each
step is trained by its own loss alone: nothing tells the cell what it should have kept for later ones.

## Bad

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(2, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        state = torch.zeros(len(x), 16)
        scores = []
        for step in x.view(len(x), 4, 2).unbind(dim=1):
            state = self.cell(step, state.detach())
            scores.append(self.head(state))
        return torch.stack(scores, dim=1)


model = Reader()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss_fn(scores.flatten(0, 1), y.repeat_interleave(scores.shape[1])).backward()
        optimizer.step()
```

## Good

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(2, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        state = torch.zeros(len(x), 16)
        scores = []
        for step in x.view(len(x), 4, 2).unbind(dim=1):
            state = self.cell(step, state)
            scores.append(self.head(state))
        return torch.stack(scores, dim=1)


model = Reader()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss_fn(scores.flatten(0, 1), y.repeat_interleave(scores.shape[1])).backward()
        optimizer.step()
```

## Not a problem

- Truncated backpropagation through time: the state is detached once for each window of several steps, or
  there is a `backward()` for every step.
- The next input of a decoder is detached, such as the token that it has chosen; its state is not.
- A first state that takes no gradient, and states that are reset where an episode ends.
- A cell that refines its answer to one and the same input.
- Steps without gradients, such as those of a sampler, and layers that are given whole sequences.

## Sources

- [nn.GRUCell](https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html)
- [Word-level language
  model](https://github.com/pytorch/examples/blob/main/word_language_model/main.py), whose `repackage_hidden`
  detaches once for each window
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Run, Severity, needs_step

PATIENCE = 2
"""Backward calls at which no gradient flowed through time before we speak: a first one can be a trial."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the state goes from one step to the next with its graph, as far back as a window reaches",
    why="The cell is not trained to remember: no step learns what a later one would have needed.",
    fix="Detach the state once for each window, ahead of the loop over its steps, and nowhere inside.",
    symptoms=(
        "graph-broken",
        "parameters-without-gradient",
        "no-better-than-baseline",
        "loss-plateaus",
        "model-underfits",
    ),
)


@check.applies_when
def no_step(run: Run) -> str:
    return needs_step(run)


@check.in_run
def no_gradient_through_time(run: Run) -> Iterator[Finding]:
    for fact in run.detached_states.values():
        if fact.backwards < PATIENCE:
            continue
        yield check.finding(
            fact.site,
            f"`{fact.name}`, a `{fact.kind}`, got its own earlier state without the graph in {fact.detached} "
            f"of the {fact.calls} calls that one loss goes through, at each of {fact.backwards} backward "
            "calls: no gradient flows from one step to an earlier one.",
            step=fact.step,
            subject=fact.name,
            related=[(fact.cut_site, f"`{fact.cut}` takes the graph off the state here")],
            evidence=[Evidence("calls with a detached state", fact.detached, "0", step=fact.step)],
        )
