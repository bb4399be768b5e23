"""The model is trained while its Dropout and BatchNorm layers are in eval mode.

`eval()` stays in force until `train()` is called. Without it Dropout drops nothing and BatchNorm
normalises by statistics that no longer move, so the model trains without the regularisation it was given
and with statistics that fit older weights. The usual cause is a validation that calls `eval()` and a
loop that calls `train()` once.

## Bad

```python
def validate():
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(dim=1) == y).sum().item() for x, y in val_loader)


model.train()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    validate()
```

## Good

```python
def validate():
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(dim=1) == y).sum().item() for x, y in val_loader)


for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    validate()
```

## Not a problem

- A model without Dropout and BatchNorm: both modes are the same.
- Single layers kept in eval mode while the model is in train mode, such as a frozen BatchNorm.
- A frozen backbone in eval mode, or a network that only passes the gradient on and is not stepped.
- A forward in eval mode beside one in train mode in the same step, as in adversarial training.

## Sources

- [Evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
- [Return to train mode after validation](https://github.com/wkentaro/pytorch-fcn/pull/56)
- [Rest of the epoch trained in eval mode](https://github.com/joeynmt/joeynmt/issues/184)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    BY_HAND,
    Check,
    Code,
    Confidence,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Pages,
    ParameterFact,
    Pattern,
    Run,
    Severity,
    TrainingFact,
    counted,
    needs_model,
    turns,
)
from osler.static.edits import insert_before, insert_first, statement_around
from osler.static.queries import anywhere, shown, switches_mode

PATIENCE = 3
"""Steps in eval mode before we speak: a trial step after loading a model may be deliberate."""

NEW_GRADIENTS = frozenset({"fresh", "carried"})
"""Traits of steps that follow a backward."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the model is in train mode when it is trained",
    why="Dropout drops nothing and BatchNorm keeps old statistics: the model overfits and they go stale.",
    fix="Call `model.train()` at the start of every epoch, and again after each evaluation inside one.",
    symptoms=("batch-norm-statistics-stale", "loss-plateaus", "model-overfits"),
)


check.applies_when(needs_model)


@check.in_code_by_absence
def eval_left_on(code: Code) -> Iterator[Finding]:
    alike = [t for t in code.trained if not is_beside_training(code, t)]
    for fact in anywhere(alike, lambda t: t.backward.place, ever_evaluated):
        state = next(s for states in fact.visits for s in states if s.was == "eval")
        sensitive = switches_mode(fact.model)
        certain = bool(sensitive) and evaluated(fact)
        if sensitive is False or fact.model.frozen or not is_stepped(code, fact):
            continue
        yield check.finding(
            fact.backward.site,
            f"{shown(fact.model)} {'is' if evaluated(fact) else 'may be'} trained in eval mode: `eval()` "
            f"{f'in line {state.was_by.place.line} ' if state.was_by else ''}is still in force here.",
            subject=fact.model.name,
            related=[
                (
                    state.was_by.site if state.was_by else (),
                    "eval mode is set here, and no `train()` follows",
                ),
                (state.forward.site if state.forward else (), "the forward that is trained"),
            ],
            severity=None if certain else Severity.HINT,
            confidence=Confidence.CERTAIN if certain else Confidence.POSSIBLE,
        )


def ever_evaluated(fact: TrainingFact) -> bool:
    """At some visit, `eval()` may be in force."""
    return any(s.was == "eval" and s.was_by for states in fact.visits for s in states)


def evaluated(fact: TrainingFact) -> bool:
    """At some visit, the module can only have been called in eval mode."""
    return any(states and all(s.was == "eval" for s in states) for states in fact.visits)


def is_beside_training(code: Code, fact: TrainingFact) -> bool:
    """The module is also trained in train mode, as in adversarial training."""
    others = [t for t in code.trained if t.model is fact.model and t.trace is fact.trace and t is not fact]
    return any(not evaluated(t) for t in others)


def is_stepped(code: Code, fact: TrainingFact) -> bool:
    """An optimizer that holds the module steps on this way."""
    return any(s.trace is fact.trace and s.optimizer.holds(fact.model) is not False for s in code.stepped)


@check.mends
def train_mode_again(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    loop, model = statement_around(pages, finding.place, (ast.For, ast.While)), finding.place.subject
    if loop is not None and model:
        yield insert_before(loop, f"{model}.train()")
        yield insert_first(loop, f"{model}.train()")


@check.in_run
def steps_in_eval_mode(run: Run) -> Iterator[Finding]:
    for model in sorted(run.subjects(Kind.USED)):
        stepped = stepped_parameters(run, model)
        if not stepped or not learns_around_layers(run, model, stepped):
            continue
        holders = {name for p in stepped for name in (*p.optimizers, BY_HAND if p.updated else "")}
        modes = [(p, modes_of(p, model, holders)) for p in run.patterns]
        in_eval = [p for p, seen in modes if seen == {"eval"}]
        if turns(in_eval) >= PATIENCE:
            yield stuck(run, model, in_eval, [p for p, seen in modes if "train" in seen])


def stepped_parameters(run: Run, model: str) -> list[ParameterFact]:
    """Parameters of the model that some optimizer, or a hand, changes."""
    own = [p for p in run.parameters.values() if p.model == model and p.reached]
    return [p for p in own if p.optimizers or p.updated]


def learns_around_layers(run: Run, model: str, stepped: list[ParameterFact]) -> bool:
    """Whether some layer that depends on the mode belongs to a part that is trained, if that is known."""
    layers = run.models[model].mode_sensitive if model in run.models else ()
    parts = {layer.rpartition(".")[0] for layer in layers}
    return not parts or any(not part or f".{part}." in f".{p.name}" for part in parts for p in stepped)


def modes_of(pattern: Pattern, model: str, holders: set[str]) -> set[str]:
    """Modes of the forwards that this turn learned from; empty if it did not step the model."""
    if not any(e.subject in holders and e.traits & NEW_GRADIENTS for e in pattern.of(Kind.STEP)):
        return set()
    return {e.mode for e in pattern.of(Kind.USED) if e.subject == model and e.mode}


def stuck(run: Run, model: str, in_eval: list[Pattern], in_train: list[Pattern]) -> Finding:
    start = min(in_eval, key=lambda p: p.first)
    step = start.steps_before
    switch = last_switch(run, model, start)
    forward = next(e for e in start.of(Kind.USED) if e.subject == model and "eval" in e.traits)
    stepping = start.of(Kind.STEP)[0]
    return check.finding(
        (switch or forward).site,
        message(model, step, switch, in_eval, in_train),
        step=step,
        subject=model,
        related=[(forward.site, "the forward that is trained"), (stepping.site, "the optimizer steps here")],
        evidence=[
            Evidence("steps in eval mode", turns(in_eval), "0", "steps", step),
            Evidence("steps in train mode", turns(in_train), "all", "steps"),
        ],
    )


def last_switch(run: Run, model: str, start: Pattern) -> Event | None:
    """The `eval()` of this model that came last before the turn.

    A model that was not called yet counts as a part, and a part may bear the model's name.
    """
    found: list[tuple[bool, int, Event]] = []
    for event, pattern in run.events(Kind.MODE):
        if event.subject == model and "eval" in event.traits and pattern.first <= start.first:
            seen = pattern.last if pattern.last < start.first else pattern.first
            found.append(("part" not in event.traits, seen, event))
    return max(found, key=lambda f: f[:2], default=(False, 0, None))[2]


def message(
    model: str, step: int, switch: Event | None, in_eval: list[Pattern], in_train: list[Pattern]
) -> str:
    count = counted(turns(in_eval), "step")
    first = min(p.first for p in in_eval)
    line = f"`eval()` at line {switch.place.line}" if switch and switch.site else ""
    if not in_train:
        cause = f"{line} came before the first step, and " if line else ""
        return f"`{model}` was never trained in train mode: {cause}{count} were taken in eval mode."
    if not any(p.first < first for p in in_train):
        return f"`{model}` was trained in eval mode from the first step on, {count} so far."
    cause = f": {line} was not undone before training went on" if line else ""
    return (
        f"`{model}` was trained in eval mode from step {step} on, {count} so far, "
        f"after {counted(step, 'step')} in train mode{cause}."
    )
