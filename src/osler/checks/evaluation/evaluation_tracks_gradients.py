"""The model is evaluated with gradient recording on, so every forward builds a graph that nobody uses.

Each graph keeps the activations of its batch in memory until the output is released: evaluation needs as
much memory as training and more time, and an output that is kept or summed keeps its graph with it.
`eval()` does not switch recording off.

## Bad

```python
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
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

- Evaluations that need gradients: saliency maps, adversarial attacks, gradient penalties.
- Forwards whose backward comes batches later.
- Forwards that belong to the training step, such as one that picks the next action.
- Samples drawn in train mode at the end of a pass are a hint at most.

## Sources

- [no_grad](https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html)
- [Evaluation mode does not disable gradients](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- ["out of memory" during validation](https://github.com/hszhao/semseg/issues/60)
- [Should use torch.no_grad in validation_step()?](https://github.com/skorch-dev/skorch/issues/218)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    Action,
    Check,
    Code,
    Edit,
    Event,
    Evidence,
    Finding,
    ForwardFact,
    Kind,
    Pages,
    Pattern,
    Run,
    Severity,
    Tensor,
    turns,
)
from osler.static.edits import imports, insert_before, put_under, statement_around
from osler.static.mending import region, trains
from osler.static.queries import anywhere, is_apart, is_named_evaluation, leaves_graph, serves_backward, shown

PATIENCE = 3
"""Turns whose forward serves no backward before we speak: a trial of the model is no evaluation."""

SHORTENED = 3
"""Equal events in a turn from which on some may have been left out of its pattern."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="evaluation runs under `torch.no_grad()`",
    why="Every forward builds a graph that keeps its activations: evaluation takes the memory of training.",
    fix="Put the evaluation under `with torch.no_grad():`, or decorate its function with `@torch.no_grad()`.",
    symptoms=("graph-kept-in-accumulator", "memory-grows"),
)


@check.applies_when
def never_called(run: Run) -> str:
    return "" if run.of(Kind.FORWARD) else "no forward of a model was seen"


@check.in_code_by_absence
def recording_left_on(code: Code) -> Iterator[Finding]:
    for fact in anywhere(code.called, lambda f: f.forward.place, lambda f: records(code, f)):
        if not serves_backward(code, fact.forward):
            yield check.finding(
                fact.forward.site,
                f"{shown(fact.model)} is evaluated with gradient recording on: "
                "no `backward()` uses this forward.",
                subject=fact.model.name,
            )


def records(code: Code, fact: ForwardFact) -> bool:
    """An evaluation whose forward leaves a graph."""
    has_graph = leaves_graph(fact.forward.value) and not fact.model.frozen
    if not has_graph or fact.forward.recording is not True:
        return False
    if not is_apart(code, fact):
        return is_interlude(code, fact)
    return fact.always("eval") or is_named_evaluation(fact)


def is_interlude(code: Code, fact: ForwardFact) -> bool:
    """It stands where the module is trained, in train mode, and is itself always in eval mode."""
    trained = [t for t in code.trained if t.model is fact.model]
    modes = {s.was for t in trained for states in t.visits for s in states}
    if not fact.always("eval") or modes != {"train"} or "method" in fact.forward.words:
        return False
    return not (fact.trace.is_open or code.frameworks) and is_followed(code, fact.forward)


def is_followed(code: Code, forward: Action) -> bool:
    """Every backward is known, and so is all that goes into it, or what becomes of this forward: a loss."""
    roots = [a.value for a in code.actions(Kind.BACKWARD)]
    known = [root for root in roots if isinstance(root, Tensor)]
    scored = (a.value for a in code.actions(Kind.LOSS))
    is_scored = any(isinstance(v, Tensor) and forward.place in v.sites for v in scored)
    return len(known) == len(roots) and (is_scored or all(root.certain for root in known))


@check.mends_safely
def under_no_grad(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    whole = region(pages, finding.place)
    function = statement_around(pages, finding.place, ast.FunctionDef)
    if whole is None or not imports(whole.page, "torch"):
        return
    if function is not None and not trains(function):
        yield insert_before(function, "@torch.no_grad()")
    yield put_under(whole, "with torch.no_grad():")


@check.in_run
def graphs_nobody_uses(run: Run) -> Iterator[Finding]:
    used, trained = run.used(), run.trained()
    if not used and not run.steps:
        return
    for event in run.of(Kind.FORWARD):
        if "grad" not in event.traits or event.call in used:
            continue
        evaluates = "eval" in event.traits and event.subject in trained
        between = event.subject in trained and opens_turns(run, event)
        apart = [p for p in run.patterns if event in p.events and (evaluates or between or not p.trains)]
        if turns(apart) >= PATIENCE and is_settled(run, apart):
            loud = evaluates or between or any(p.events[0].kind is Kind.BATCH for p in apart)
            yield recorded_for_nothing(event, apart, Severity.WARNING if loud else Severity.HINT)


def opens_turns(run: Run, event: Event) -> bool:
    """Whether a program without a loader does this between steps now and then.

    Forwards that belong to the training step, such as one that picks an action, are in every turn.
    """
    training = [p for p in run.patterns if p.trains]
    holding = [p for p in training if event in p.events]
    if not holding or any(is_late(p, event) or p.of(Kind.BATCH) for p in holding):
        return False
    often = 2 * turns(holding) > turns(training)
    return not often or holding[0].first == training[0].first + 1


def is_late(pattern: Pattern, event: Event) -> bool:
    """Whether training has already begun in the turn when the forward comes."""
    before = pattern.events[: pattern.events.index(event)]
    return any(e.trains or e.kind is Kind.CLEAR for e in before)


def is_settled(run: Run, holding: list[Pattern]) -> bool:
    """Whether a pass has ended since, so that no backward of an accumulation can still come."""
    first = holding[0].first
    return run.ended or any(p.last > first for _, p in run.events(Kind.PASS_END))


def recorded_for_nothing(event: Event, holding: list[Pattern], severity: Severity) -> Finding:
    forwards = sum(p.times(event) for p in holding)
    least = "at least " if any(p.events.count(event) >= SHORTENED for p in holding) else ""
    mode = " in eval mode" if "eval" in event.traits else ""
    step = holding[0].steps_before
    return check.finding(
        event.site,
        f"`{event.subject}` was called {least}{forwards} times{mode} with gradient recording on, "
        "and no `backward()` ever went through its outputs.",
        step=step,
        subject=event.subject,
        evidence=[Evidence("forwards with a graph that nobody used", forwards, "0", "forwards", step)],
        severity=severity,
    )
