"""Functional dropout is not told whether the model is training, so it drops units in evaluation too.

`F.dropout(x)` has `training=True` by default and does not know about `model.eval()`. The same holds for
`dropout_p` of `scaled_dot_product_attention`. Evaluations become random and worse than they should be.

## Bad

```python
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(torch.relu(self.body(x)), p=0.5)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
```

## Good

```python
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(torch.relu(self.body(x)), p=0.5, training=self.training)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
```

## Not a problem

- A call under `if self.training:`.
- Monte Carlo dropout that says so: `training=True`.
- A rate of 0, or one that depends on `self.training`.
- Noise on the inputs, in the training loop itself.

## Sources

- [dropout](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html)
- Reported in [torchtune](https://github.com/pytorch/torchtune/pull/1803),
  [vision](https://github.com/pytorch/vision/issues/7103) and
  [nanoGPT](https://github.com/karpathy/nanoGPT/pull/240)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    CallFact,
    Check,
    Code,
    Const,
    Edit,
    Evidence,
    Finding,
    Pages,
    RandomEvalFact,
    Setup,
    Severity,
    Unknown,
)
from osler.static.edits import add_argument, call_at, statement_around

FUNCTIONS = tuple(
    f"torch.nn.functional.{name}"
    for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
)
"""Dropout functions that are on unless told otherwise."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="dropout is off in eval mode",
    why="Evaluation drops units at random: its results are noisy and too low.",
    fix="Pass `training=self.training`, or use an `nn.Dropout` layer.",
)


@check.in_setup
def two_evaluations_differ(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(RandomEvalFact):
        if fact.site and fact.difference > 0 and not fact.without:
            yield check.finding(
                fact.site,
                f"Two evaluations of `{fact.model}` on the same batch differ by {fact.difference:.0%} of "
                "the largest "
                f"output. With functional dropout off they agree: it drops {fact.rate:.0%} after `eval()`.",
                subject=fact.model,
                evidence=[Evidence("difference between two evaluations", fact.difference, "0")],
            )


@check.in_code
def not_told(code: Code) -> Iterator[Finding]:
    for call in code.calls_of(*FUNCTIONS):
        if call.network is None and call.loops:
            continue  # in the training loop itself: what is no part of the model has no eval mode
        if not call.given(2, "training") and is_on(call, 1, "p") and not is_guarded(call):
            yield check.finding(
                (call.place,), f"`{call.last}` is called without `training=`: it stays on after `eval()`."
            )
    for call in code.calls_of("torch.nn.functional.scaled_dot_product_attention"):
        rate = call.argument(4, "dropout_p")
        if isinstance(rate, Const) and is_on(call, 4, "dropout_p") and not is_guarded(call):
            yield check.finding(
                (call.place,),
                f"`dropout_p={rate.value}` does not depend on `self.training`: it stays on after `eval()`.",
            )


def is_on(call: CallFact, position: int, name: str) -> bool:
    """The rate is not 0, and nothing that is computed on the spot: that may ask for the mode."""
    match call.argument(position, name):
        case Const(value=rate):
            return bool(rate)
        case Unknown(name=""):
            return False
        case _:
            return True


def is_guarded(call: CallFact) -> bool:
    """It only runs in training."""
    return any("train" in guard for guard in call.guards)


@check.mends
def follow_the_mode(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    names = {name.rpartition(".")[2] for name in FUNCTIONS}
    called, method = (
        call_at(pages, finding.place, *names),
        statement_around(pages, finding.place, ast.FunctionDef),
    )
    if called is not None and method is not None and is_method(method.statement):
        yield add_argument(called, "training=self.training")


def is_method(function: ast.stmt) -> bool:
    """It has a `self`."""
    return isinstance(function, ast.FunctionDef) and [a.arg for a in function.args.args[:1]] == ["self"]
