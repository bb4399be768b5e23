"""The diagnosis of evidence that somebody holds in their hands: a run, or a run directory that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from osler.engine import diagnose as engine
from osler.engine.diagnose import Terms
from osler.engine.stored import examined, recorded_terms
from osler.model import Diagnosis, Run
from osler.store.reader import StoredRun


def diagnose(
    evidence: Run | StoredRun, *, select: Sequence[str] | None = None, ignore: Sequence[str] | None = None
) -> Diagnosis:
    """Judge a run, for example ``osler.diagnose(osler.open_run(".osler/runs/20261121-150615-cceee322"))``.

    Args:
        evidence: the run; its context is derived here.
        select: checks to evaluate. If neither this nor ``ignore`` is given, a stored run is judged as it was
            when it was recorded, and another by all checks.
        ignore: checks to leave out.

    Raises:
        UnknownName: there is no check of that name.
    """
    is_stored = isinstance(evidence, StoredRun)
    terms = recorded_terms(evidence) if is_stored else Terms()
    if select is not None or ignore is not None:
        terms = replace(terms, select=tuple(select or ()), ignore=tuple(ignore or ()))
    return examined(evidence, terms) if is_stored else engine.diagnose(evidence, terms)
