"""Derive from the events what kind of program this is: accumulation, closures, evaluation, who is trained."""

from __future__ import annotations

from collections import Counter

from osler.model import Context, Event, Kind, Pattern, Run, Site


def derive(run: Run) -> Context:
    """What is learned about the program so far."""
    steps = {e.subject for e, _ in run.events(Kind.STEP)}
    return Context(
        accumulation=accumulation(run),
        optimizers=tuple(sorted(steps - {"by hand"})),
        by_hand="by hand" in steps,
        closure=any("closure" in e.traits for e, _ in run.events(Kind.STEP)),
        scaler=any(True for _ in run.events(Kind.SCALER_STEP)),
        trained=frozenset(
            p.model for p in run.parameters.values() if p.model and p.reached and (p.optimizers or p.updated)
        ),
        training_loaders=training_loaders(run),
        evaluates=any("no-grad" in e.traits for e, _ in run.events(Kind.FORWARD)),
        evaluations=evaluations(run),
        compiled=any(m.compiled for m in run.models.values()),
    )


def accumulation(run: Run) -> dict[str, int]:
    """Backward calls per step, by optimizer.

    Turns without a step hold the micro-steps, so the ratio of the totals is the period.
    """
    backwards = sum(p.count * sum(e.kind is Kind.BACKWARD for e in p.events) for p in run.patterns)
    steps = Counter[str]()
    for pattern in run.patterns:
        for event in pattern.of(Kind.STEP):
            steps[event.subject] += pattern.count
    return {name: max(1, round(backwards / count)) for name, count in steps.items()}


def training_loaders(run: Run) -> frozenset[str]:
    """Loaders whose batches are followed by a backward in the same turn."""
    return frozenset(
        e.subject
        for p in run.patterns
        if any(e.kind is Kind.BACKWARD for e in p.events)
        for e in p.events
        if e.kind is Kind.BATCH
    )


def evaluations(run: Run) -> frozenset[tuple[str, Site]]:
    """Forwards that are evaluations by their place in the loop, as (model, site).

    The model is one whose output the loss is computed from, no backward ever goes through the outputs of this
    site, and it is called in at least two turns but in at most half as many as there are training turns. What is
    called in every turn takes part in training: pseudo-labels, rollouts, a generator that feeds a discriminator.
    """
    training = [p for p in run.patterns if p.of(Kind.BACKWARD)]
    trained = {e.subject for p in training if (e := last_forward(p))}
    used = {(e.subject, e.site) for e, _ in run.events(Kind.USED)}
    turns = Counter[tuple[str, Site]]()
    for pattern in run.patterns:
        for key in {(e.subject, e.site) for e in pattern.of(Kind.FORWARD)}:
            turns[key] += pattern.count
    most = sum(p.count for p in training) // 2
    return frozenset(k for k, n in turns.items() if k[0] in trained and k not in used and 2 <= n <= most)


def last_forward(pattern: Pattern) -> Event | None:
    """The forward before the turn's first backward."""
    last = None
    for event in pattern.events:
        if event.kind is Kind.BACKWARD:
            return last
        if event.kind is Kind.FORWARD and "grad" in event.traits:
            last = event
    return None
