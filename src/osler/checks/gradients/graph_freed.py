"""`backward()` goes a second time through a graph that is gone.

A backward frees what the graph had kept. A second one through the same graph, or through a part that two
losses share, raises "Trying to backward through the graph a second time". If the two belong to different
turns of the loop, something is carried from one to the next with its graph: a hidden state, a running mean.

## Bad

```python
cell = nn.GRUCell(8, 8)
optimizer = torch.optim.SGD(cell.parameters(), lr=0.05)
state = torch.zeros(16, 8)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        state = cell(x, state)
        loss = state.square().mean()
        loss.backward()
        optimizer.step()
```

## Good

```python
cell = nn.GRUCell(8, 8)
optimizer = torch.optim.SGD(cell.parameters(), lr=0.05)
state = torch.zeros(16, 8)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        state = cell(x, state.detach())
        loss = state.square().mean()
        loss.backward()
        optimizer.step()
```

## Not a problem

- Two backward calls through graphs of their own.
- `retain_graph=True` on purpose.

## Sources

- [Tensor.backward](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html)
- [Trying to backward through the graph a second
  time](https://discuss.pytorch.org/t/runtimeerror-trying-to-backward-through-the-graph-a-second-time-but-the-buffers-have-already-been-freed-specify-retain-graph-true-when-calling-backward-the-first-time/6795)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Event, Finding, Kind, Run, Severity

SIGN = "backward through the graph a second time"
"""What torch says."""

DETACH = "Detach what is carried from turn to turn, for example `state = state.detach()`."
APART = (
    "Detach what the first loss does not train, for example `discriminator(fake.detach())`, or add the "
    "losses and call `backward()` once."
)
ONCE = (
    "Add the losses and call `backward()` once; pass `retain_graph=True` to the first call only if the "
    "second one is really meant to go through the same graph."
)

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="one backward through each graph",
    why="`backward()` raises an exception, and training ends.",
    fix=ONCE,
)


@check.applies_when
def no_crash(run: Run) -> str:
    return "" if run.crash and SIGN in run.crash.message else "no backward met a graph that was freed"


@check.in_run
def second_backward(run: Run) -> Iterator[Finding]:
    crash = run.crash
    if crash is None or SIGN not in crash.message:
        return
    failed, turn, before = last_turns(run)
    calls = [i for i, e in enumerate(turn) if e.kind is Kind.BACKWARD]
    if calls and failed is not None:
        first = turn[calls[-1]]
        between = any(e.is_recorded for e in turn[calls[-1] :])
        yield check.finding(
            crash.site,
            f"`backward()` in line {first.place.line} had already freed the graph that this one needs.",
            step=run.steps,
            related=[(first.site, "this backward freed the graph")],
            fix=APART if between else ONCE,
        )
        return
    earlier = next((e for e in reversed(before) if e.kind is Kind.BACKWARD), None)
    forward = next((e for e in turn if e.is_recorded), None)
    yield check.finding(
        crash.site,
        "`backward()` went on into the graph of the turn before, which was freed there: something is carried "
        "from turn to turn with its graph.",
        step=run.steps,
        related=[
            (forward.site if forward else (), "it enters here"),
            (earlier.site if earlier else (), "this backward freed the graph"),
        ],
        fix=DETACH,
    )


def last_turns(run: Run) -> tuple[Event | None, tuple[Event, ...], tuple[Event, ...]]:
    """The backward that failed, what came before it in its turn, and the turn before."""
    recent = sorted(run.patterns, key=lambda p: p.last)
    if not recent:
        return None, (), ()
    turn = recent[-1].events
    before = recent[-2].events if len(recent) > 1 else ()
    calls = [i for i, e in enumerate(turn) if e.kind is Kind.BACKWARD]
    if not calls:
        return None, turn, before
    return turn[calls[-1]], turn[: calls[-1]], before
