"""What the fixes of the checks know of training: steps, activations, and where nothing is trained."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import CALLED_HERE, Edit, Finding, Pages, Place
from osler.static.edits import (
    Spot,
    blocks_of,
    call_at,
    calls,
    calls_in,
    insert_after,
    insert_before,
    receiver,
    remove_item,
    replaced,
    text_of,
    together,
    unwrap,
)
from osler.static.sources import dotted

FUNCTIONAL = {"F", "torch", "nn.functional", "torch.nn.functional"}


def other_place(finding: Finding, label: str = "") -> Place:
    """The place that takes part, by default the first; the finding's own if they are one."""
    others = (r for r in finding.related if r.label != CALLED_HERE and label in r.label)
    return next((r.place for r in others), finding.place)


def neighbours(spot: Spot, method: str) -> list[Spot]:
    """Statements of the same block that call a method of this name, in order."""
    others = (Spot(spot.page, s, spot.block) for s in spot.block if isinstance(s, ast.Expr | ast.Assign))
    return [other for other in others if calls_in(other, method)]


def stepped(spot: Spot) -> str:
    """``optimizer`` of ``optimizer.step()`` and of ``scaler.step(optimizer)``."""
    calls = calls_in(spot, "step")
    if len(calls) != 1 or calls[0].keywords or len(calls[0].args) > 1:
        return ""
    (call,) = calls
    if not call.args:
        return receiver(spot.page, call)
    return text_of(spot.page, call.args[0]) if dotted(call.args[0]) else ""


def without_activation(pages: Pages, place: Place, function: str, layer: str) -> list[Edit]:
    """Take out an activation: a call of the function, or the layer where it is built."""
    if (called := call_at(pages, place, function)) is not None:
        call = called.call
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_function = owner is None or receiver(called.page, call) in FUNCTIONAL
        inner = owner if not is_function else call.args[0] if call.args else None
        return unwrap(called, inner) if inner is not None else []
    if (built := call_at(pages, place, layer)) is None:
        return []
    items = next((c.args for c in calls(built.page.tree) if built.call in c.args), list[ast.expr]())
    if len(items) > 1:
        return remove_item(built.page, items, built.call)
    module = receiver(built.page, built.call)
    return [replaced(built.page, built.call, f"{module}.Identity()")] if module == "nn" else []


def region(pages: Pages, place: Place) -> Spot | None:
    """The largest statement around a line, short of a function, that trains nothing."""
    page = pages.get(place.file)
    block = page.tree.body if page is not None else []
    while page is not None and block:
        around = [s for s in block if s.lineno <= place.line <= (s.end_lineno or s.lineno)]
        if len(around) != 1:
            return None
        spot = Spot(page, around[0], block)
        is_scope = isinstance(around[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not is_scope and not trains(spot):
            return spot
        inner = [b for b in blocks_of(around[0]) if b[0].lineno <= place.line <= (b[-1].end_lineno or 0)]
        block = inner[0] if inner else []
    return None


def switched_around(pages: Pages, place: Place, mode: str, other: str) -> Iterator[list[Edit]]:
    """Put the model that a place is about into a mode where nothing is trained, and back into the other."""
    whole, model = region(pages, place), place.subject
    if whole is not None and model:
        before = insert_before(whole, f"{model}.{mode}()")
        yield before
        yield together(before, insert_after(whole, f"{model}.{other}()"))


def trains(spot: Spot) -> bool:
    """Something inside computes gradients or steps."""
    return any(calls_in(spot, name) for name in ("backward", "step", "grad"))
