"""A generator gets the same seed again and again while training, so the same random numbers come back.

`torch.manual_seed(0)` in an evaluation that wants to be reproducible also decides what training draws next:
after each evaluation the batches, dropout masks and noise are the same again. A sampler that seeds its
generator in `__iter__` picks the same samples in every epoch, and never sees the others.

## Bad

```python
def evaluate(model, loader):
    torch.manual_seed(0)
    model.eval()
    with torch.no_grad():
        right = sum((model(x + 0.1 * torch.randn_like(x)).argmax(1) == y).sum() for x, y in loader)
    model.train()
    return right / len(loader.dataset)


for epoch in range(2 * epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    print(evaluate(model, val_loader))
```

## Good

```python
def evaluate(model, loader):
    numbers = torch.Generator().manual_seed(0)
    model.eval()
    with torch.no_grad():
        right = 0
        for x, y in loader:
            noise = torch.randn(x.shape, generator=numbers)
            right += (model(x + 0.1 * noise).argmax(1) == y).sum()
    model.train()
    return right / len(loader.dataset)


for epoch in range(2 * epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    print(evaluate(model, val_loader))
```

## Not a problem

- Seeding once before training, or with another seed each time: `torch.manual_seed(seed + epoch)`.
- Runs of their own, each with a new model and optimizer: folds, searches, several seeds.
- A state that is put back: `torch.random.fork_rng()`, `torch.set_rng_state(...)`, `random.setstate(...)`.
- A generator that only evaluation draws from, and fixed noise for pictures.
- A sampler whose seed changes from pass to pass, by `set_epoch` or by counting.
- A repeated order of all samples is only a hint: nothing is left out.

## Sources

- [Reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html)
- [torch.random.fork_rng](https://docs.pytorch.org/docs/stable/random.html#torch.random.fork_rng)
- [DistributedSampler](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler)
  warns of the same order in every epoch
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, RedrawnFact, RepeatFact, Run, Severity
from osler.static.reseeding import Reseeding, reseeded

PASSES = 3
"""Passes with the same numbers: a single repeat may be the second half of a comparison."""

MOST = 3
"""Things named that are drawn again and again."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="training seeds once, or with another seed each time",
    why="Training sees the same batches, dropout masks or noise over and over: less variety than it seems.",
    fix="Add the epoch to the seed, or move the seeding before training; give an evaluation a generator of "
    "its own, or wrap it in `torch.random.fork_rng()`.",
)

PASS_FIX = "Add the epoch to the seed, or keep one generator that goes on drawing from pass to pass."
ITEM_FIX = "Remove the seeding: torch seeds its workers, differently in each epoch."


@check.applies_when
def nothing_drawn_again(run: Run) -> str:
    return "" if run.redrawn else "no pass over a loader drew what an earlier one drew"


@check.in_run
def drawn_again(run: Run) -> Iterator[Finding]:
    yield from (describe(f) for f in run.redrawn.values() if f.times >= PASSES and f.site)


def describe(fact: RedrawnFact) -> Finding:
    return check.finding(
        fact.site,
        f"{fact.times} passes over `{fact.name}` drew the same random numbers: `torch` is seeded with "
        f"{fact.seed} before each of them.",
        step=fact.step,
        evidence=[Evidence("passes with the same numbers", fact.times, "1", "passes", fact.step)],
    )


@check.in_code
def seeded_again(code: Code) -> Iterator[Finding]:
    for fact in reseeded(code):
        yield in_each_turn(fact)
    for repeat in code.repeats:
        yield of_each_sample(repeat) if repeat.kind == "item" else in_each_pass(repeat)


def in_each_turn(fact: Reseeding) -> Finding:
    again = [d.what for d in fact.drawn[:MOST]] or [f"whatever training draws from {seeded(fact)}"]
    order = bool(fact.drawn) and all(d.order for d in fact.drawn) and fact.family == "own"
    return check.finding(
        fact.seeding.site,
        f"{seeded(fact)} is seeded with {fact.seed} in each turn of the loop in line {fact.loop.place.line}, "
        f"which trains. What repeats: {', '.join(dict.fromkeys(again))}.",
        severity=Severity.WARNING if fact.drawn and not order else Severity.HINT,
        related=[
            ((fact.loop.place,), "each turn of this loop trains"),
            *(((d.place,), "drawn from here") for d in fact.drawn[:MOST]),
        ],
    )


def seeded(fact: Reseeding) -> str:
    """What gets the seed."""
    return "A generator of torch" if fact.family == "own" else f"`{fact.family}`"


def in_each_pass(fact: RepeatFact) -> Finding:
    over = f" over `{fact.loader}`" if fact.loader else ""
    what = "picks the same samples" if fact.kind == "choice" else "has the same order"
    how = f"seeds `{fact.family}`" if fact.family else "makes its generator"
    harmless = fact.kind == "order" and fact.family != "torch"
    return check.finding(
        (fact.made,),
        f"Each pass{over} {what}: `{fact.made.function}` {how} with `{fact.seed}`, which nothing changes.",
        severity=Severity.HINT if harmless else Severity.WARNING,
        related=[((fact.drawn,), "drawn here")],
        fix=PASS_FIX,
    )


def of_each_sample(fact: RepeatFact) -> Finding:
    what = (
        "all samples get the same random numbers"
        if fact.drawn != fact.made
        else "whatever training draws repeats from batch to batch"
    )
    return check.finding(
        (fact.made,),
        f"`{fact.made.function}` seeds `{fact.family}` with `{fact.seed}` for each sample: {what}.",
        related=[((fact.drawn,), "drawn here")],
        fix=ITEM_FIX,
    )
