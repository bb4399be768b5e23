"""Training goes on from a file, but its optimizer or schedule starts from nothing.

The file holds their state, and only a part of it is taken up. Adam without its moments takes large, noisy
first steps; a schedule that counts from 0 repeats its warm-up or keeps the learning rate high to the end.

## Bad

```python
import io

optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)


def train(model, optimizer, schedule):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        schedule.step()


train(model, optimizer, schedule)
file = io.BytesIO()
states = {
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "schedule": schedule.state_dict(),
}
torch.save(states, file)

file.seek(0)
stored = torch.load(file)
model.load_state_dict(stored["model"])
optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
optimizer.load_state_dict(stored["optimizer"])
train(model, optimizer, schedule)
```

## Good

```python
import io

optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)


def train(model, optimizer, schedule):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        schedule.step()


train(model, optimizer, schedule)
file = io.BytesIO()
states = {
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "schedule": schedule.state_dict(),
}
torch.save(states, file)

file.seek(0)
stored = torch.load(file)
model.load_state_dict(stored["model"])
optimizer = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
optimizer.load_state_dict(stored["optimizer"])
schedule.load_state_dict(stored["schedule"])
train(model, optimizer, schedule)
```

## Not a problem

- A fresh fine-tuning that takes nothing but the weights, and has other settings or writes its own files.
- State that is restored in another way, such as `last_epoch=` of a schedule.
- Weights that are loaded to be evaluated, or while the optimizer of the same run goes on.

## Sources

- [Saving and loading a general
  checkpoint](https://docs.pytorch.org/tutorials/recipes/recipes/saving_and_loading_a_general_checkpoint.html)
- Reported in [yolov3](https://github.com/ultralytics/yolov3/issues/902) and
  [NeMo](https://github.com/NVIDIA/NeMo/issues/763)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    Confidence,
    Evidence,
    Finding,
    ResumeFact,
    ResumptionFact,
    Run,
    Severity,
    counted,
    needs_step,
)

PATIENCE = 3
"""Steps after the file was read before we speak."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="all state that the file holds is restored before training goes on",
    why="Training jumps: it goes on with other step sizes than those it was stopped with.",
    fix="Take it up from the same file: `optimizer.load_state_dict(...)`, `schedule.load_state_dict(...)`.",
    symptoms=("loss-spikes", "learning-rate-zero-at-start"),
)


@check.applies_when
def no_resumption(run: Run) -> str:
    return needs_step(run) or ("" if run.resumes else "training did not go on from a file without its state")


@check.in_code
def never_read(code: Code) -> Iterator[Finding]:
    for fact in code.resumptions:
        yield as_written(fact)


def as_written(fact: ResumptionFact) -> Finding:
    return check.finding(
        fact.site,
        f"training goes on from this file, {fact.sign}, but the state of `{fact.name}` that it holds as "
        f'"{fact.key}" is never read.',
        subject=fact.name,
        related=[(fact.saved, "it is put into the file here")],
        confidence=Confidence.LIKELY,
        fix=f'Take it up as well: `{fact.name}.load_state_dict(...["{fact.key}"])`.',
    )


@check.in_run
def starts_from_nothing(run: Run) -> Iterator[Finding]:
    for fact in run.resumes.values():
        meant = fact.restored or fact.written_again
        if meant and run.steps - fact.step >= PATIENCE:
            yield describe(fact)


def describe(fact: ResumeFact) -> Finding:
    taken = f" after {counted(fact.taken, 'step')}" if fact.taken else ""
    sign = f"{' and '.join(fact.restored)} restored" if fact.restored else "the same file written again"
    return check.finding(
        fact.site,
        f"training goes on from this file, its weights loaded and {sign}, but `{fact.name}`, whose state it "
        f"holds{taken}, starts from nothing.",
        step=fact.step,
        subject=fact.name,
        related=[(fact.built, f"`{fact.name}` is built here and never restored")],
        evidence=[Evidence("steps that are forgotten", fact.taken, "0")] if fact.taken else [],
        confidence=Confidence.CERTAIN if fact.restored else Confidence.LIKELY,
        fix=f"Take it up from the same file: `{fact.missing}.load_state_dict(...)`.",
    )
