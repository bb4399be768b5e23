"""Everything that the page is told, put together: schema `osler.page/1`."""

from __future__ import annotations

from osler.engine.context import derive
from osler.errors import StoreError
from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.page.curves import Curve, Curves, curves, encoded
from osler.report.page.data import data
from osler.report.page.graph import graph
from osler.report.page.layers import layers
from osler.report.page.preflight import preflight
from osler.report.page.samples import samples
from osler.report.page.texts import inert
from osler.report.page.timeline import timeline
from osler.report.page.verdict import verdict
from osler.store.reader import StoredRun, open_run

SCHEMA = "osler.page/1"


def content(diagnosis: Diagnosis, frame: Frame) -> dict[str, object]:
    """Plain values for JSON: the verdict alone if there is no record of the run.

    Keys: ``schema``, ``version``, ``run``, ``series``, one for each page, None for one that has nothing, and
    ``samples`` if any were kept.
    """
    stored = frame.record or recorded(diagnosis)
    found = curves(stored.main) if stored is not None else Curves()
    pages: dict[str, object] = {"verdict": verdict(diagnosis, frame, found)}
    about: dict[str, object] = {}
    kept: list[dict[str, object]] = []
    if stored is not None:
        run = stored.run
        run.context = derive(run)
        about = {"id": stored.path.name, "started": stored.manifest.started, "left_out": found.left_out}
        pages["timeline"] = timeline(run, diagnosis, found)
        pages["layers"] = layers(run, found, frame.root)
        pages["graph"] = graph(run, diagnosis, frame.root)
        kept = samples(run, frame.root)
        pages["data"] = data(stored.main, found, frame.root)
    if (experiments := preflight(diagnosis.setup, frame.root)) is not None:
        pages["preflight"] = experiments
    body: dict[str, object] = {"schema": SCHEMA, "version": frame.version, "run": about, **pages}
    texts = {key: inert(value) for key, value in body.items()}
    pictures = {"samples": kept} if kept else {}
    return {**texts, **pictures, "series": [series(curve) for curve in found.all]}


def recorded(diagnosis: Diagnosis) -> StoredRun | None:
    """The run that was examined, if it was recorded and can be read."""
    if not diagnosis.subject.run:
        return None
    try:
        return open_run(diagnosis.subject.run)
    except StoreError:
        return None


def series(curve: Curve) -> dict[str, object]:
    """One series; its packed numbers are as long as they are."""
    plain = encoded(curve)
    return {
        key: value if key in ("at", "mean", "low", "high") else inert(value) for key, value in plain.items()
    }
