"""`kl_div` receives probabilities or scores where it expects log-probabilities.

The first argument of `kl_div` is the logarithm of the prediction, the second the target distribution. With
probabilities as the first argument the result is no divergence: it can be negative, and its minimum lies
elsewhere.

## Bad

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")
        loss.backward()
        optimizer.step()
```

## Good

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")
        loss.backward()
        optimizer.step()
```

## Not a problem

- The output of `log_softmax`, or the logarithm of probabilities.
- Probabilities as the second argument.

## Sources

- [KLDivLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html)
- Reported in [ProDA](https://github.com/microsoft/ProDA/issues/20)
"""

from collections.abc import Iterator

from osler.model import (
    LAYERS,
    Check,
    Code,
    Edit,
    Evidence,
    Finding,
    LossCallFact,
    Pages,
    Run,
    Severity,
    needs_call,
)
from osler.static.edits import call_at, renamed
from osler.static.mending import other_place
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the first argument of `kl_div` is a log-probability",
    why="The result is no divergence: it can be negative, and minimising it does not bring the two together.",
    fix="Apply `log_softmax`, not softmax, to the first argument.",
)

SWAP = "Change the order: `kl_div(log_probabilities, probabilities)`."

ABOVE = 1e-2
"""How far above 0 a log-probability may come by rounding, in 16 bits."""

check.applies_when(needs_call("kl_div"))


@check.in_code
def no_logarithm_flows_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "kl_div"):
        if activation.name in {"softmax", "sigmoid", "linear", "relu"}:
            source = "a layer" if activation.name == "linear" else activation.name
            yield check.finding(
                loss.site,
                f"`kl_div` receives the output of {source} in line {activation.place.line} "
                "as its first argument.",
                related=[((activation.place,), "this is no logarithm of a probability")],
            )


@check.mends
def take_the_logarithm(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    softmax = other_place(finding)
    yield renamed(call_at(pages, softmax, "softmax"), "log_softmax")
    yield renamed(call_at(pages, softmax, "Softmax"), "LogSoftmax")


@check.in_run
def no_logarithm_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of("kl_div"):
        known = fact.made_by in {"softmax", "sigmoid", "relu", *LAYERS}
        if not known and fact.highest <= ABOVE:
            continue
        source = f", the output of {fact.origin}," if known else ""
        yield check.finding(
            fact.made_at or fact.site,
            f"`kl_div` received values from {fact.lowest:.3g} to {fact.highest:.3g}{source} as its first "
            f"argument: these are not log-probabilities.{swapped(fact)}",
            step=fact.step,
            related=[(fact.site, "the divergence is computed here")],
            evidence=[Evidence("largest value", fact.highest, "at most 0", step=fact.step)],
            fix=SWAP if swapped(fact) else "",
        )


def swapped(fact: LossCallFact) -> str:
    """A sentence if the second argument looks as the first one should."""
    if fact.target_is_log or fact.target_lowest >= 0 or fact.target_highest > ABOVE:
        return ""
    return f" The second one, from {fact.target_lowest:.3g} to {fact.target_highest:.3g}, looks like them."
