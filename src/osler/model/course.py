"""Questions about a training whose loss alone tells how it goes."""

from __future__ import annotations

from osler.model.event import Kind
from osler.model.evidence import Run
from osler.model.lossfacts import SignFact

PASSES = 2
"""Times that the data must have been begun: within one pass they may become harder."""


def single_loss(run: Run) -> SignFact | None:
    """The one line that goes backward, if it lowers a mean loss of torch whose factor no scaler changes."""
    if len(run.signs) != 1 or run.context.scaler or any(key.startswith("loss:") for key in run.columns):
        return None
    (fact,) = run.signs.values()
    known = [factor for _, factor in fact.averages if 0 < factor <= 1]
    return fact if known and not fact.raised else None


def repeats_data(run: Run) -> bool:
    """Whether every loader that trains has begun a second time."""
    loaders = [run.loaders[name] for name in run.context.training_loaders if name in run.loaders]
    return bool(loaders) and all(loader.begun >= PASSES for loader in loaders)


def learns_from_models(run: Run) -> bool:
    """Whether a model is called without recording between a batch and the backward that follows it."""
    for pattern in run.patterns:
        at = next((i for i, e in enumerate(pattern.events) if e.is_backward), 0)
        if any(e.kind is Kind.FORWARD and "no-grad" in e.traits for e in pattern.events[:at]):
            return True
    return False
