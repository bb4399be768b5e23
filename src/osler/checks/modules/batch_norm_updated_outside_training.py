"""BatchNorm learns from batches on which the model is not trained.

In train mode every forward moves the running statistics, also one under `no_grad()` and one whose output
nothing goes backward through. Statistics that are used in evaluation are then an average over other batches
than those of training: batches that are counted twice, come from elsewhere, or were meant to be held out.

## Bad

```python
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    with torch.no_grad():
        wrong = (model(x).argmax(1) != y).sum()
```

## Good

```python
for x, y in loader:
    optimizer.zero_grad()
    scores = model(x)
    loss_fn(scores, y).backward()
    optimizer.step()
    wrong = (scores.argmax(1) != y).sum()
```

## Not a problem

- A single forward that initialises lazy layers or counts features.
- `torch.optim.swa_utils.update_bn`, which gathers the statistics anew.
- A model in eval mode, BatchNorm without running statistics, or in a frozen part.
- A generator that draws the samples on which a discriminator is trained.
- Forwards whose output is used later, in several losses or through `autograd.grad`.

## Sources

- [BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
- [Questions with respect to the validation](https://github.com/ashafahi/free_adv_train/issues/4)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Confidence,
    Event,
    Evidence,
    Finding,
    Kind,
    Place,
    Run,
    Severity,
    counted,
    listed,
    needs_model,
    turns,
)

PATIENCE = 2
"""Turns with such a forward before we speak: one is a trial, or initialises lazy layers."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="in train mode the model is called on the batches it is trained on",
    why="The running statistics that evaluation uses are not those of the training batches.",
    fix="Keep the output of the training forward, or call `model.eval()` around the extra one.",
    symptoms=("batch-norm-statistics-stale", "batch-norm-fed-two-distributions"),
)


def norms_of(run: Run) -> dict[str, list[str]]:
    """BatchNorm layers outside frozen parts that keep running statistics, by model."""
    found: dict[str, list[str]] = {}
    for fact in run.modules.values():
        if "BatchNorm" in fact.kind and fact.name in run.models[fact.model].mode_sensitive:
            found.setdefault(fact.model, []).append(fact.name)
    return found


check.applies_when(needs_model)


@check.in_run
def learns_from_other_batches(run: Run) -> Iterator[Finding]:
    extras = extra_forwards(run)
    norms = norms_of(run) if extras else {}
    for forwards in extras:
        model = forwards[0].subject
        patterns = [p for p in run.patterns if any(e in forwards for e in p.events)]
        if model in norms and turns(patterns) >= PATIENCE and learns_alone(run, model):
            extra = sum(run.count(e) for e in forwards)
            yield check.finding(
                forwards[0].site,
                f"`{model}` was called {counted(extra, 'time')} in train mode without being trained on the "
                f"output: the running statistics of {listed([n or model for n in norms[model]])} took in "
                "those batches too.",
                step=patterns[0].steps_before,
                subject=model,
                evidence=[Evidence("forwards in train mode that train nothing", extra, "0")],
                confidence=Confidence.POSSIBLE,
            )


def extra_forwards(run: Run) -> list[list[Event]]:
    """Forwards of trained models in train mode whose output no backward goes through, by model and line."""
    used, trained = run.used(), run.trained()
    settled = run.ended or run.passes > 0
    groups: dict[tuple[str, Place], list[Event]] = {}
    for event in run.of(Kind.FORWARD):
        idle = "no-grad" in event.traits or ("grad" in event.traits and settled and event.call not in used)
        if idle and "train" in event.traits and event.subject in trained:
            groups.setdefault((event.subject, event.place), []).append(event)
    return [group for group in groups.values() if not any("recalibrating" in e.traits for e in group)]


def learns_alone(run: Run, model: str) -> bool:
    """Whether no other model is trained through or beside it, as with generators."""
    teams = ({e.subject for e in p.of(Kind.USED)} for p in run.patterns)
    return not any(model in team and len(team) > 1 for team in teams)
