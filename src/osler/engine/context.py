"""Derive from the events what kind of program this is: accumulation, closures, evaluation, who is trained."""

from __future__ import annotations

from collections import Counter

from osler.model import BY_HAND, Context, Kind, Run, by_model


def derive(run: Run) -> Context:
    """What is learned about the program so far."""
    steps = set(run.subjects(Kind.STEP))
    trained = frozenset(
        p.model for p in run.parameters.values() if p.model and p.reached and (p.optimizers or p.updated)
    )
    return Context(
        accumulation=accumulation(run),
        optimizers=tuple(sorted(steps - {BY_HAND})),
        by_hand=BY_HAND in steps,
        closure=any("closure" in e.traits for e in run.of(Kind.STEP)),
        scaler=bool(run.of(Kind.SCALER_STEP)),
        trained=trained,
        training_loaders=training_loaders(run),
        evaluates=any("no-grad" in e.traits for e in run.of(Kind.FORWARD)),
        evaluation_loaders=evaluation_loaders(run),
        compiled=any(m.compiled for m in run.models.values()),
        frozen=frozenset(key for key, p in run.parameters.items() if not p.trainable),
        tied=tuple((p.full_name, *p.aliases) for p in run.parameters.values() if p.aliases),
        copies=copies(run, trained),
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
    return {name: max(1, round(backwards / max(1, count))) for name, count in steps.items()}


def training_loaders(run: Run) -> frozenset[str]:
    """Loaders whose batches are followed by a backward in the same turn."""
    return frozenset(
        e.subject
        for p in run.patterns
        if any(e.kind is Kind.BACKWARD for e in p.events)
        for e in p.events
        if e.kind is Kind.BATCH
    )


def evaluation_loaders(run: Run) -> frozenset[str]:
    """Loaders whose batches go forward without gradient recording, in turns without a backward."""
    return frozenset(
        e.subject
        for p in run.patterns
        if any(e.kind is Kind.FORWARD and "no-grad" in e.traits for e in p.events) and not p.trains
        for e in p.events
        if e.kind is Kind.BATCH
    )


def copies(run: Run, trained: frozenset[str]) -> dict[str, str]:
    """Models with the parameters of a trained one that no backward reaches and no optimizer holds."""
    if len(run.models) < 2:  # looks through all parameters, at every judgement
        return {}
    shapes = {
        model: {(p.name, p.elements) for p in family}
        for model, family in by_model(run.parameters.values()).items()
    }
    idle = shapes.keys() - {p.model for p in run.parameters.values() if p.reached or p.optimizers}
    pairs = ((copy, model) for copy in sorted(idle - {""}) for model in sorted(trained))
    return {copy: model for copy, model in pairs if shapes[copy] == shapes[model]}
