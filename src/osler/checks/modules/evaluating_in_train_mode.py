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

from osler.model import Check, Confidence, Event, Evidence, Finding, Kind, Pattern, Run, Severity, Site

Forward = tuple[str, Site, frozenset[str]]

PATIENCE = 2
"""Turns in which the model was evaluated in train mode before we speak: one may be a trial."""

NAMED = 3
"""Layers that the message names."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the model is in eval mode when it is evaluated",
    why="Dropout still drops units, and BatchNorm normalises by the evaluation batch and learns from it.",
    fix="Call `model.eval()` before evaluating, and `model.train()` before training goes on.",
    symptoms=("batch-norm-updated-outside-training",),
)


@check.applies_when
def no_mode(run: Run) -> str:
    modes = any(e.traits & {"train", "eval", "mixed"} for e, _ in run.events(Kind.FORWARD))
    return "" if modes else "no model with Dropout or BatchNorm was called"


@check.in_run
def layers_active_in_evaluation(run: Run) -> Iterator[Finding]:
    used = {forward_of(e) for e, _ in run.events(Kind.USED)}
    trained = run.context.trained | {subject for subject, _, _ in used}
    sampled = {(e.subject, e.site) for e, _ in run.events(Kind.FORWARD) if "repeat" in e.traits}
    for event in dict.fromkeys(e for e, _ in run.events(Kind.FORWARD)):
        known = event.subject in trained and (event.subject, event.site) not in sampled
        if not known or not is_suspect(run, event, used):
            continue
        holding = [p for p in run.patterns if event in p.events]
        idle = [p for p in holding if p.events[0].kind is Kind.BATCH and not trains(p.events, used)]
        scored = [p for p in holding if is_scored(run, p, event, used)]
        if turns(scored) >= PATIENCE:
            yield evaluated(run, event, scored)
        elif turns(idle) >= PATIENCE and not alternates(run, idle):
            yield passed_over(run, event, idle)


def forward_of(event: Event) -> Forward:
    """What tells a forward from others, and what it shares with the event that says it was used."""
    return (event.subject, event.site, event.traits)


def is_suspect(run: Run, event: Event, used: Set[Forward]) -> bool:
    """Whether a forward in train mode is known to serve no backward."""
    if "train" not in event.traits or "recalibrating" in event.traits:
        return False
    settled = run.ended or run.passes > 0
    return "no-grad" in event.traits or ("grad" in event.traits and settled and forward_of(event) not in used)


def trains(events: Iterable[Event], used: Set[Forward]) -> bool:
    """Whether something here serves a step: a backward, a step, or a forward that a backward goes through."""
    return any(
        e.kind in (Kind.BACKWARD, Kind.STEP) or (e.kind is Kind.FORWARD and forward_of(e) in used)
        for e in events
    )


def is_scored(run: Run, pattern: Pattern, event: Event, used: Set[Forward]) -> bool:
    """Whether a loss that trains nothing was computed after the forward, outside of a training step."""
    at = pattern.events.index(event)
    before, after = pattern.events[:at], pattern.events[at + 1 :]
    if not any(e.kind is Kind.LOSS and ("no-grad" in e.traits or "grad" in event.traits) for e in after):
        return False
    if not trains(pattern.events, used):
        return True
    if any(e.kind is Kind.STEP for e in before):
        return not trains(after, used)
    return not trains(before, used) and opens_turn(run, event, used)


def opens_turn(run: Run, event: Event, used: Set[Forward]) -> bool:
    """Whether turns of a program without a loader open with an evaluation of the step before.

    Forwards that choose what to train on stand at the same place, but in every turn and in the very first.
    """
    training = [p for p in run.patterns if trains(p.events, used)]
    holding = [p for p in training if event in p.events]
    if any(e.kind is Kind.BATCH for p in holding for e in p.events):
        return False
    return 2 * turns(holding) <= turns(training) or holding[0].first == training[0].first + 1


def alternates(run: Run, idle: list[Pattern]) -> bool:
    """Whether these turns only ever come singly: batches that serve the training step of the next turn."""
    loaders = {p.events[0].subject for p in idle}
    passes = sum(p.count for e, p in run.events(Kind.PASS_END) if e.subject in loaders)
    return all(p.longest == 1 for p in idle) and 2 * passes < turns(idle)


def turns(patterns: list[Pattern]) -> int:
    return sum(p.count for p in patterns)


def evaluated(run: Run, event: Event, patterns: list[Pattern]) -> Finding:
    after = patterns[0].events[patterns[0].events.index(event) :]
    loss = next(e.site for e in after if e.kind is Kind.LOSS)
    return check.finding(
        event.site,
        f"`{event.subject}` was evaluated {turns(patterns)} times in train mode, with {layers(run, event)}.",
        step=started(patterns[0]),
        subject=event.subject,
        related=[(loss, "its loss is computed here"), (train_line(run, event), "train mode is set here")],
        evidence=[Evidence("evaluations in train mode", turns(patterns), "0")],
    )


def passed_over(run: Run, event: Event, patterns: list[Pattern]) -> Finding:
    """Batches without a loss: an evaluation, or a recalibration if they are the training batches."""
    of_training = {p.events[0].subject for p in patterns} <= run.context.training_loaders
    doubt = "; this is right only if it recalibrates BatchNorm" if of_training else ""
    return check.finding(
        event.site,
        f"`{event.subject}` went over {turns(patterns)} batches in train mode without training on them, "
        f"with {layers(run, event)}{doubt}.",
        step=started(patterns[0]),
        subject=event.subject,
        related=[(train_line(run, event), "train mode is set here")],
        evidence=[Evidence("batches passed over in train mode", turns(patterns), "0", "batches")],
        severity=Severity.HINT if of_training else Severity.ERROR,
        confidence=Confidence.POSSIBLE if of_training else Confidence.LIKELY,
    )


def layers(run: Run, event: Event) -> str:
    """The layers that behaved as in training."""
    names = [n for n in run.models[event.subject].mode_sensitive if n] if event.subject in run.models else []
    if not names:
        return "Dropout and BatchNorm as in training"
    shown = ", ".join(f"`{name}`" for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return f"its Dropout and BatchNorm layers ({shown}) as in training"


def train_line(run: Run, event: Event) -> Site:
    """Where the model was put in train mode."""
    calls = (e.site for e, _ in run.events(Kind.MODE) if e.subject == event.subject and "train" in e.traits)
    return next(calls, ())


def started(pattern: Pattern) -> int:
    """Optimizer steps finished when the turn began."""
    return pattern.step - len(pattern.of(Kind.STEP))
