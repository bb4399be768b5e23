"""Softmax runs over the batch, or over an axis that torch has to guess.

Over axis 0 the scores of different samples compete with each other, and the output of a sample depends on
what else is in its batch. Without `dim=` torch guesses: axis 0 for tensors of one or three dimensions, axis
1 for others. For the scores of a batch the guess is right, so that its absence alone is a hint; for three
dimensions, as in attention and sequences, it is wrong.

## Bad

```python
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return F.log_softmax(self.body(x), dim=0)


mixed = Mixed()
optimizer = torch.optim.SGD(mixed.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(mixed(x), y).backward()
        optimizer.step()
```

## Good

```python
class Apart(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return F.log_softmax(self.body(x), dim=1)


apart = Apart()
optimizer = torch.optim.SGD(apart.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(apart(x), y).backward()
        optimizer.step()
```

## Not a problem

- Attention over nodes, samples or time steps that lie along axis 0 on purpose.
- A single sample without a batch axis.
- Scores that were transposed before and are transposed back.
- Scores of one sample, taken out of the batch: `F.log_softmax(scores[i], dim=0)`.

## Sources

- [softmax](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html)
- Reported in
  [visdial-challenge-starter](https://github.com/batra-mlp-lab/visdial-challenge-starter-pytorch/issues/1)
"""

from collections.abc import Iterator

from osler.model import CallFact, Check, Code, Const, Finding, Severity, Tensor, Value
from osler.static.queries import everywhere, loss_inputs

FUNCTIONS = (
    "torch.softmax",
    "torch.log_softmax",
    "torch.nn.functional.softmax",
    "torch.nn.functional.log_softmax",
    "torch.nn.functional.softmin",
)
"""Functions that normalise along one axis."""

METHODS = ("Tensor.softmax", "Tensor.log_softmax")
"""The same as methods, which never guess."""

PRODUCTS = ("torch.bmm", "torch.baddbmm", "Tensor.bmm", "Tensor.baddbmm")
"""What they return has three axes."""

SHAPED = ("Tensor.view", "Tensor.reshape", "Tensor.permute")
"""What they return has as many axes as they are given numbers."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="softmax runs over the classes, named by `dim=`",
    why="The output of each sample depends on the others in its batch, or on a guess.",
    fix="Pass `dim=-1`, or the axis that holds the classes.",
)


@check.in_code
def over_the_batch(code: Code) -> Iterator[Finding]:
    every = list(code.calls_of(*FUNCTIONS, *METHODS))
    calls = {c.place: c for c in everywhere(every, lambda c: c.place, mixes_samples)}
    for loss, activation in loss_inputs(code, "nll_loss", "cross_entropy"):
        if activation.place in calls:
            yield check.finding(
                (activation.place,),
                f"`{calls[activation.place].last}` runs over axis 0, the batch, and the loss in line "
                f"{loss.place.line} takes the result for classes.",
                related=[(loss.site, "the loss expects classes on axis 1")],
            )
    for call in code.calls_of(*FUNCTIONS):
        if not call.given(1, "dim") and "axis" not in call.arguments:
            deep = has_three_axes(code, call.argument(0, "input"))
            guess = "takes axis 0 of the three" if deep else "guesses the axis"
            yield check.finding(
                (call.place,),
                f"`{call.last}` is called without `dim=`: torch {guess}.",
                severity=Severity.WARNING if deep else Severity.HINT,
            )


def has_three_axes(code: Code, scores: Value | None) -> bool:
    """What computed the scores says so."""
    if any(c.result is scores for c in code.calls_of(*PRODUCTS)):
        return True
    shaped = (c for c in code.calls_of(*SHAPED) if c.result is scores and not c.spread)
    return any({*c.arguments} == {0, 1, 2, 3} for c in shaped)


def mixes_samples(call: CallFact) -> bool:
    """It runs over the axis that certainly is the batch of a loader."""
    scores = call.argument(0, "input")
    return axis(call) == 0 and isinstance(scores, Tensor) and scores.rows


def axis(call: CallFact) -> object:
    """The axis it runs over, if that is a constant."""
    given = call.argument(1, "dim") or call.arguments.get("axis")
    return given.value if isinstance(given, Const) else None
