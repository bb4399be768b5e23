"""The logarithm of a softmax is taken in two steps.

Where a probability is smaller than the precision can hold, softmax returns 0 and its logarithm minus
infinity: the loss becomes infinite and the gradients NaN. `log_softmax` computes the same in one step
without that danger.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(torch.log(F.softmax(model(x), dim=1)), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(x), dim=1), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- A small constant or a clamp inside the logarithm.
- The logarithm of a mean or a mixture of probabilities.

## Sources

- [log_softmax](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import Check, Code, Edit, Finding, Pages, Run, Severity, Tensor
from osler.static.edits import call_at, renamed, together, unwrap
from osler.static.mending import other_place

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`log_softmax` is computed in one step",
    why="A probability that rounds to 0 makes the loss infinite and the gradients NaN.",
    fix="Use `log_softmax` on the logits.",
    symptoms=(
        "cannot-overfit-one-batch",
        "loss-not-finite",
        "gradients-not-finite",
    ),
)


@check.applies_when
def no_backward(run: Run) -> str:
    return "" if run.backwards else "no backward was seen"


@check.in_code
def in_two_steps(code: Code) -> Iterator[Finding]:
    for call in code.calls_of("torch.log", "Tensor.log"):
        value = call.arguments.get(0)
        if isinstance(value, Tensor) and value.activation and value.activation.name == "softmax":
            yield check.finding(
                (call.place,),
                f"the logarithm of the softmax in line {value.activation.place.line} underflows for small "
                "probabilities.",
                related=[((value.activation.place,), "softmax is applied here")],
            )


@check.mends
def in_one_step(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    logarithm = call_at(pages, finding.place, "log")
    softmax = call_at(pages, other_place(finding), "softmax")
    if logarithm is None or softmax is None:
        return
    outer = logarithm.call
    inner = (
        outer.args[0] if outer.args else outer.func.value if isinstance(outer.func, ast.Attribute) else None
    )
    if inner is not None and inner is softmax.call:
        yield together(unwrap(logarithm, inner), renamed(softmax, "log_softmax"))


@check.in_run
def underflows(run: Run) -> Iterator[Finding]:
    for fact in run.underflows.values():
        yield check.finding(
            fact.site,
            "The logarithm of the output of `softmax` is taken in a second step: a probability that rounds "
            "to 0 gives minus infinity.",
            step=fact.step,
            related=[
                (fact.made_at, "softmax is applied here"),
                (fact.backward, "backward goes through both"),
            ],
        )
