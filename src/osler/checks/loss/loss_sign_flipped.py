"""Training makes the loss larger instead of smaller.

A minus sign in front of a loss function, or an optimizer with `maximize=True`, turns descent into ascent: the
model is driven to the worst answers. The number that is printed falls all the same if it carries the minus.

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

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html): to be
  minimised
- [SGD](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html): `maximize`
"""

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, Severity, SignFact, Site, listed

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
