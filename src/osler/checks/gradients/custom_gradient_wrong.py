"""A hand-written autograd function gives another gradient than that of what it computes.

The backward of a `torch.autograd.Function` is written by hand, and nothing checks it: a factor or a sign that
is missing, a value saved before it was changed, an axis that was not summed. Training goes on, in a wrong
direction for everything behind that function.

Osler asks this in `osler preflight`: with the arguments of the first call it compares the backward, in double
precision, with differences of the forward, where that is smooth.

## Bad

```python
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x  # twice that


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model[4](Square.apply(model[:4](x))), y).backward()
        optimizer.step()
```

## Good

```python
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 2 * x


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model[4](Square.apply(model[:4](x))), y).backward()
        optimizer.step()
```

## Not a problem

- A function that returns what it is given, to turn, scale or clip the gradient.
- Rounding and steps, whose slope is nought: straight-through and surrogate gradients.
- A backward that treats large gradients otherwise than small ones.
- Functions that are given modules or functions to call, or that do not work in double precision.

## Sources

- [Extending autograd](https://docs.pytorch.org/docs/stable/notes/extending.html)
- [gradcheck](https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Confidence, CustomGradientFact, Evidence, Finding, Setup, Severity, counted

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the backward of a function is the slope of its forward",
    why="Everything behind the function is moved in a wrong direction, or by a wrong amount.",
    fix="Compare with `torch.autograd.gradcheck` in double precision until it agrees.",
    symptoms=("cannot-overfit-one-batch", "loss-plateaus"),
)


@check.in_setup
def another_slope(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(CustomGradientFact):
        if fact.wrong:
            tried = counted(fact.tried, "entry", "entries")
            yield check.finding(
                fact.site,
                f"The gradient of `{fact.function}` differs from the slope of its forward at {fact.wrong} of "
                f"{tried} where it is smooth, by up to {fact.worst:.0%}.",
                subject=fact.function,
                evidence=[Evidence("largest relative difference", fact.worst, "below 1 %")],
                confidence=Confidence.LIKELY,
            )
