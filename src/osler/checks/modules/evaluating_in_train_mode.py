"""The model is evaluated while its Dropout and BatchNorm layers are in train mode.

Without `eval()` Dropout keeps dropping units and BatchNorm normalises by the evaluation batch instead of
by what it learned. The numbers come out noisy and depend on the batch size, and each evaluation batch
moves the statistics that the model will be deployed with. `torch.no_grad()` does not change the mode.

## Bad

```python
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)
```

## Good

```python
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)
```

## Not a problem

- A model without Dropout and BatchNorm, or one that is not trained here, such as the average of a mean
  teacher.
- The same batch passed several times on purpose (Monte Carlo dropout).
- `torch.optim.swa_utils.update_bn`. A loop of your own over the training batches that recalibrates
  BatchNorm is a hint, because it looks like an evaluation without a loss.
- Forwards without gradient that serve a training step: pseudo labels, samples of a generator, rollouts.

## Sources

- [Evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
- [Need to set the model to 'eval' mode](https://github.com/wolny/pytorch-3dunet/issues/53)
- [Questions with respect to the validation](https://github.com/ashafahi/free_adv_train/issues/4)
- [Dropout as a Bayesian approximation](https://arxiv.org/abs/1506.02142): the deliberate case
"""

from collections.abc import Iterable, Iterator, Set

from osler.model import (
    Call,
    Check,
    Code,
    Confidence,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Pages,
    Pattern,
    Place,
    Run,
    Severity,
    listed,
    needs_model,
    turns,
)
from osler.static.mending import switched_around
from osler.static.queries import anywhere, in_train_mode, shown, switches_mode

PATIENCE = 2
"""Turns in which the model was evaluated in train mode before we speak: one may be a trial."""

SINGLE = 2
"""Forwards in a turn up to which they are no rollout and no sampling, which take many."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the model is in eval mode when it is evaluated",
    why="Dropout still drops units, and BatchNorm normalises by the evaluation batch and learns from it.",
    fix="Call `model.eval()` before evaluating, and `model.train()` before training goes on.",
    symptoms=("batch-norm-updated-outside-training",),
)


check.applies_when(needs_model)


@check.in_code_by_absence
def no_eval_anywhere(code: Code) -> Iterator[Finding]:
    for fact in anywhere(code.called, lambda f: f.forward.place, lambda f: in_train_mode(code, f)):
        if switches_mode(fact.model):
            yield check.finding(
                fact.forward.site,
                f"{shown(fact.model)} is evaluated in train mode: no `eval()` comes before it.",
                subject=fact.model.name,
            )


@check.mends
def switch_around(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    yield from switched_around(pages, finding.place, "eval", "train")


@check.in_run
def layers_active_in_evaluation(run: Run) -> Iterator[Finding]:
    used = run.used()
    for forwards in suspects(run, used):
        opens = opens_turns(run, forwards, used)
        outside = [p for p in run.patterns if is_outside(p, forwards, used, opens)]
        judged = [p for p in outside if is_scored(p, forwards) or is_restored(p, forwards)]
        batches = [p for p in outside if p.events[0].kind is Kind.BATCH and not trains(p.events, used)]
        single = all(not p.of(Kind.BATCH) and len(among(p, forwards)) <= SINGLE for p in outside)
        if turns(judged) >= PATIENCE:
            yield described(run, forwards, judged, Confidence.CERTAIN)
        elif turns(batches) >= PATIENCE and not alternate(run, batches):
            yield passed_over(run, forwards, batches)
        elif turns(outside) >= PATIENCE and single and learns_alone(run, forwards[0].subject):
            yield described(run, forwards, outside, Confidence.LIKELY, Severity.WARNING)


def suspects(run: Run, used: Set[Call]) -> Iterator[list[Event]]:
    """Forwards of trained models in train mode that serve no backward, grouped by their line."""
    trained = run.trained()
    settled = run.ended or run.passes > 0
    groups: dict[tuple[str, Place], list[Event]] = {}
    for event in run.of(Kind.FORWARD):
        unused = "grad" in event.traits and settled and event.call not in used
        if (unused or "no-grad" in event.traits) and "train" in event.traits and event.subject in trained:
            groups.setdefault((event.subject, event.place), []).append(event)
    for forwards in groups.values():
        recalibrating = any("recalibrating" in e.traits for e in forwards)
        repeated = any("repeat" in e.traits for p in run.patterns for e in among(p, forwards)[SINGLE:])
        if not recalibrating and not repeated:
            yield forwards


def among(pattern: Pattern, forwards: list[Event]) -> list[Event]:
    return [e for e in pattern.of(Kind.FORWARD) if e in forwards]


def trains(events: Iterable[Event], used: Set[Call]) -> bool:
    """Whether something here serves a step: a backward, a step, or a forward that a backward goes through."""
    return any(e.trains or (e.kind is Kind.FORWARD and e.call in used) for e in events)


def is_outside(pattern: Pattern, forwards: list[Event], used: Set[Call], opens: bool) -> bool:
    """Whether the turn holds such a forward outside of its training step."""
    at = next((i for i, e in enumerate(pattern.events) if e in forwards), None)
    if at is None or not trains(pattern.events, used):
        return at is not None
    before, after = pattern.events[:at], pattern.events[at:]
    if any(e.kind is Kind.STEP for e in before):
        return not trains(after, used)
    return opens and not trains(before, used)


def opens_turns(run: Run, forwards: list[Event], used: Set[Call]) -> bool:
    """Whether turns of a program without a loader open with an evaluation of the step before.

    Forwards that choose what to train on stand at the same place, but in every turn and in the very first.
    """
    training = [p for p in run.patterns if trains(p.events, used)]
    holding = [p for p in training if among(p, forwards)]
    if not holding or any(p.of(Kind.BATCH) for p in holding):
        return False
    seldom = 2 * turns(holding) <= turns(training) and all(p.longest == 1 for p in holding)
    return seldom or holding[0].first == training[0].first + 1


def is_scored(pattern: Pattern, forwards: list[Event]) -> bool:
    """Whether a loss that nothing goes backward from was computed of the output."""
    idle = not pattern.trains
    losses = (e for e in rest(pattern, forwards) if e.kind is Kind.LOSS)
    return any("no-grad" in e.traits or (idle and "grad" in forwards[0].traits) for e in losses)


def is_restored(pattern: Pattern, forwards: list[Event]) -> bool:
    """Whether the function that called the model then puts it in train mode, as after an evaluation."""
    model, here = forwards[0].subject, forwards[0].place
    calls = (e for e in rest(pattern, forwards) if e.kind is Kind.MODE and "train" in e.traits)
    places = (e.place for e in calls if e.subject == model)
    return any((p.file, p.function) == (here.file, here.function) and p.line > here.line for p in places)


def rest(pattern: Pattern, forwards: list[Event]) -> tuple[Event, ...]:
    """What follows the forward in its turn."""
    return pattern.events[next((i for i, e in enumerate(pattern.events) if e in forwards), 0) :]


def alternate(run: Run, batches: list[Pattern]) -> bool:
    """Whether these turns only ever come singly: batches that serve the training step of the next turn."""
    loaders = {p.events[0].subject for p in batches}
    passes = sum(p.count for e, p in run.events(Kind.PASS_END) if e.subject in loaders)
    return all(p.longest == 1 for p in batches) and 2 * passes < turns(batches)


def learns_alone(run: Run, model: str) -> bool:
    """Whether no other model is trained through or beside it, as with generators."""
    teams = ({e.subject for e in p.of(Kind.USED)} for p in run.patterns)
    return not any(model in team and len(team) > 1 for team in teams)


def passed_over(run: Run, forwards: list[Event], batches: list[Pattern]) -> Finding:
    """Batches without a loss: an evaluation, or a recalibration if they are the training batches."""
    if {p.events[0].subject for p in batches} <= run.context.training_loaders:
        return described(run, forwards, batches, Confidence.POSSIBLE, Severity.HINT)
    return described(run, forwards, batches, Confidence.LIKELY)


def described(
    run: Run,
    forwards: list[Event],
    patterns: list[Pattern],
    confidence: Confidence,
    severity: Severity = Severity.ERROR,
) -> Finding:
    first, count = forwards[0], turns(patterns)
    doubt = ", which is right only if this recalibrates BatchNorm" if severity is Severity.HINT else ""
    losses = (e.site for p in patterns for e in rest(p, forwards) if e.kind is Kind.LOSS)
    modes = (e for e in run.of(Kind.MODE, first.subject) if "train" in e.traits)
    return check.finding(
        first.site,
        f"`{first.subject}` was evaluated {count} times in train mode, so {layers(run, first)} behaved as in "
        f"training{doubt}.",
        step=patterns[0].steps_before,
        subject=first.subject,
        related=[
            (next(losses, ()), "its loss is computed here"),
            (next((e.site for e in modes), ()), "train mode is set here"),
        ],
        evidence=[Evidence("evaluations in train mode", count, "0")],
        severity=severity,
        confidence=confidence,
    )


def layers(run: Run, event: Event) -> str:
    """The layers that behaved as in training."""
    names = [n for n in run.models[event.subject].mode_sensitive if n] if event.subject in run.models else []
    if not names:
        return "Dropout and BatchNorm"
    return f"its Dropout or BatchNorm layer{'s' * (len(names) > 1)} ({listed(names)})"
