"""The target of a loss carries a gradient.

A target is what the model should come to. If gradients flow into it, the loss also falls when the target
moves towards the prediction: a bootstrapped value, a teacher or a label tensor is changed instead of being
met. Even where nobody steps on these gradients they cost a second backward.

## Bad

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), F.softmax(teacher(x), dim=1))
        loss.backward()
        optimizer.step()
```

## Good

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
```

## Not a problem

- Two networks that learn from each other, or two views that are drawn together: everything that carries a
  gradient is also stepped on. Distances and divergences between them are left alone.
- A distance whose first argument is detached: mean squared error does not know which one is the target.
- A target that is optimised on purpose, as an image in style transfer.

## Sources

- [detach](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html)
- [Reinforcement Learning (DQN)](https://docs.pytorch.org/tutorials/intermediate/reinforcement_q_learning.html):
  the target is computed in `no_grad`
"""

from collections.abc import Iterator
from dataclasses import replace

from osler.model import (
    Check,
    Code,
    Edit,
    Finding,
    Kind,
    LossCallFact,
    Pages,
    ParameterFact,
    Run,
    Severity,
    Tensor,
    Value,
    listed,
)
from osler.static.edits import SIMPLE, calls_in, replaced, statement_at, text_of
from osler.static.queries import everywhere

LABELLED = ("cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits")
"""Losses whose second argument can be nothing but the target."""

BETWEEN = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss")
"""Losses that also measure how far two predictions are apart."""

SUMS = frozenset(("add", "sub", "rsub"))

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the target is a constant for the gradient",
    why="The loss can also fall by moving the target towards the prediction.",
    fix="Compute the target inside `torch.no_grad()`, or pass `target.detach()`.",
)


@check.applies_when
def no_loss_called(run: Run) -> str:
    return "" if run.calls_of(*LABELLED, *BETWEEN) else "no loss with a target was computed"


@check.in_code
def graph_in_target(code: Code) -> Iterator[Finding]:
    labelled = (a for a in code.actions(Kind.LOSS) if a.words & {*LABELLED} and a.recording is True)
    for loss in everywhere(labelled, lambda a: a.place, lambda a: has_graph(a.value) and has_graph(a.target)):
        name = next(iter(loss.words & {*LABELLED}))
        yield check.finding(loss.site, f"the target of `{name}` is computed by a model, with its graph.")


def has_graph(value: Value | None) -> bool:
    """It certainly carries a gradient back to parameters that are not frozen."""
    if not isinstance(value, Tensor) or not value.certain or any(m.frozen for m in value.models):
        return False
    return any(not n.frozen for n in value.networks)


@check.mends
def detach_the_target(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    statement = statement_at(pages, finding.place)
    calls = [c for name in LABELLED for c in calls_in(statement, name)] if statement is not None else []
    for call in calls:
        if statement is not None and len(call.args) > 1 and isinstance(call.args[1], SIMPLE):
            target = call.args[1]
            yield [replaced(statement.page, target, f"{text_of(statement.page, target)}.detach()")]


@check.in_run
def gradient_into_target(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of(*LABELLED, *BETWEEN):
        if not fact.target_gradient or not fact.input_gradient:
            continue
        unstepped = nobody_steps_on(run)
        if fact.function in LABELLED or is_bootstrapped(fact):
            yield check.finding(fact.site, f"{message(fact, unstepped)}.", step=fact.step)
        elif unstepped and fact.target_gradient == "graph":
            finding = check.finding(
                fact.site, f"{message(fact, unstepped)}.", step=fact.step, severity=Severity.HINT
            )
            yield replace(finding, why="Gradients that nobody steps on cost a second backward.")


def is_bootstrapped(fact: LossCallFact) -> bool:
    """The target is a sum with a prediction in it, as reward + discount * value, and the input is none."""
    return fact.target_made_by in SUMS and fact.made_by not in {*SUMS, ""}


def message(fact: LossCallFact, unstepped: list[ParameterFact]) -> str:
    return f"The target of `{fact.function}` carries a gradient in {calls(fact)}{reached(fact, unstepped)}"


def calls(fact: LossCallFact) -> str:
    return f"all {fact.tests} calls looked at" if fact.tests > 1 else "the one call looked at"


def reached(fact: LossCallFact, unstepped: list[ParameterFact]) -> str:
    """Where the gradient goes, as the end of a sentence."""
    if fact.target_gradient == "leaf":
        return ": it is a tensor with `requires_grad=True`"
    names = listed([p.full_name for p in unstepped])
    return f", which reaches {names}, held by no optimizer" if unstepped else ""


def nobody_steps_on(run: Run) -> list[ParameterFact]:
    """Parameters that a backward reaches although no optimizer holds them."""
    known = run.parameters.values()
    if not any(p.optimizers for p in known):
        return []
    return [p for p in known if p.trainable and p.reached and not p.optimizers and not p.updated]
