"""The samples that were kept, for the page of the data."""

from __future__ import annotations

from pathlib import Path

from osler.model import Run, SamplesFact
from osler.report.page.texts import inert, spot


def samples(run: Run, root: Path) -> list[dict[str, object]]:
    """What each model was trained on first.

    Keys: ``model``, ``place``, ``step``, ``shape`` of one sample, ``dtype``, ``rows`` of the batch,
    ``lowest``, ``highest``, ``height``, ``width``, ``channels``, and ``items`` with ``label``, ``numbers``
    and ``pixels``: shades from 0 to 255 in base64, which are as long as they are.
    """
    return [batch(fact, root) for fact in run.samples.values() if fact.samples]


def batch(fact: SamplesFact, root: Path) -> dict[str, object]:
    """The samples of one model."""
    told = {
        "model": fact.model,
        "place": spot(fact.site[0], root) if fact.site else "",
        "step": fact.step,
        "shape": list(fact.shape),
        "dtype": fact.dtype,
        "rows": fact.rows,
        "lowest": fact.lowest,
        "highest": fact.highest,
        "height": fact.height,
        "width": fact.width,
        "channels": fact.channels,
    }
    items = [{"label": inert(s.label), "numbers": list(s.numbers), "pixels": s.pixels} for s in fact.samples]
    return {**{key: inert(value) for key, value in told.items()}, "items": items}
