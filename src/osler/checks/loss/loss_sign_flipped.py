"""Training makes the loss larger instead of smaller.

A minus sign in front of a loss function, or an optimizer with `maximize=True`, turns descent into ascent: the
model is driven to the worst answers. The number that is printed falls all the same if it carries the minus.
So does an update by hand with the wrong sign, or a hook that turns gradients round: `osler preflight` takes a
small step against the gradient, and one along the script's own step, and looks whether the loss of the same
batch falls.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = -loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- A term that is raised beside one that is lowered, as an entropy bonus.
- An opponent: somewhere else in the program the same functions are lowered, as in a GAN.
- `maximize=True` on the negative loss, or two minus signs.
- A reward, a likelihood or a similarity written by hand: nobody knows which way it should go.
- An attack that changes the inputs and not the model.
- Experiments of `osler preflight` ask neither several optimizers nor one that maximises, nor gradients that
  custom functions may turn round on purpose.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html): to be
  minimised
- [SGD](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html): `maximize`
"""

from collections.abc import Iterator

from osler.model import (
    Check,
    Confidence,
    DescentFact,
    Evidence,
    Finding,
    Kind,
    Run,
    Setup,
    Severity,
    SignFact,
    Site,
    listed,
)

RIGHT = 0.2
"""Distance from one up to which the loss has changed as the gradient promised."""

CLEARLY = 0.5
"""Share of the promised change from which on the loss has clearly fallen, or risen."""

ALIGNED = 0.3
"""Cosine from which on a step goes up or down on purpose, and not as a side effect of a projection."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="steps that make the loss smaller",
    why="Every step drives the model away from the targets.",
    fix="Remove the minus sign before the loss, or `maximize=True` from the optimizer.",
    symptoms=(
        "cannot-overfit-one-batch",
        "gradients-explode",
        "loss-diverges",
        "loss-not-finite",
        "loss-suspiciously-low",
        "no-better-than-baseline",
        "predictions-collapsed",
    ),
)


@check.applies_when
def no_known_loss(run: Run) -> str:
    return "" if run.signs else "no loss function of torch was seen behind a backward"


@check.in_run
def climbs(run: Run) -> Iterator[Finding]:
    if any(fact.lowered for fact in run.signs.values()):
        return
    for fact in run.signs.values():
        if not steps_on_models(run, fact.site):
            continue
        built = [
            (run.optimizers[o].site, f"`{o}` is built here")
            for o in sorted(run.stepping_on(fact.site))
            if o in run.optimizers
        ]
        yield check.finding(
            fact.site,
            f"The steps on this backward make {listed(fact.raised)} larger{course(run)}.",
            step=fact.step,
            related=[*((site, "the loss is computed here") for site in losses(run, fact)), *built],
            evidence=[Evidence("loss functions that are raised", len(fact.raised), "0", step=fact.step)],
        )


@check.in_setup
def climbs_on_its_own_batch(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(DescentFact):
        right = any(abs(ratio - 1) <= RIGHT for ratio in fact.against)
        rises = bool(fact.own) and max(fact.own) <= -CLEARLY and fact.alignment <= -ALIGNED
        falls = bool(fact.own) and min(fact.own) >= CLEARLY and fact.alignment >= ALIGNED
        if right and fact.factor > 0 and rises:
            yield wrong_way(fact, "although a step against the gradient makes it smaller", STEP_FIX)
        elif right and fact.factor < 0 and fact.labelled and falls:
            yield wrong_way(fact, "because a minus stands before it", "")
        elif fact.factor > 0 and fact.against and max(*fact.against, fact.limit) <= -CLEARLY:
            yield gradient_reversed(fact)


STEP_FIX = "Look at what stands between `backward()` and the update: a sign there is the wrong way round."


def wrong_way(fact: DescentFact, reason: str, fix: str) -> Finding:
    """The script's own step raises the loss function."""
    return check.finding(
        fact.site,
        f"The script's own step makes `{fact.function}` of the same batch larger, from {fact.before:.4g} to "
        f"{fact.after:.4g}, {reason}.",
        evidence=[Evidence("loss after the step", fact.after, f"below {fact.before:.4g}")],
        fix=fix,
    )


def gradient_reversed(fact: DescentFact) -> Finding:
    """Even the plainest descent climbs."""
    return check.finding(
        fact.site,
        f"A small step against the gradient makes `{fact.function}` of the same batch larger: the gradients "
        "have the wrong sign.",
        evidence=[Evidence("fall of the loss over what the gradient promises", max(fact.against), "1")],
        confidence=Confidence.LIKELY,
        fix="Look for hooks on tensors or parameters that turn their gradient round.",
    )


def steps_on_models(run: Run, backward: Site) -> bool:
    """Whether an optimizer steps on this backward, and holds parameters of a model that was called."""
    optimizers = run.stepping_on(backward)
    return any(p.model and optimizers.intersection(p.optimizers) for p in run.parameters.values())


def losses(run: Run, fact: SignFact) -> list[Site]:
    """Where the functions that are raised are called with a gradient."""
    return [e.site for e in run.of(Kind.LOSS) if e.subject in fact.raised and "grad" in e.traits]


def course(run: Run) -> str:
    """What the loss did so far, as the end of a sentence."""
    column = run.columns.get("loss")
    if column is None or column.first is None or column.last is None or column.total < 2:
        return ""
    return f": what `backward()` starts from went from {column.first:.3g} to {column.last:.3g}"
