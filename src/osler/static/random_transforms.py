"""Transforms of torchvision that draw random numbers, and move what is in the picture by them."""

from __future__ import annotations

from collections.abc import Mapping

from osler.model import CallFact, Const, Maybe, Network, Place, Series, Value

PACKAGE = "torchvision.transforms."

CHANCES = frozenset({"RandomHorizontalFlip", "RandomVerticalFlip"})
"""Flips: at a chance of 1 they are the same each time."""

ANGLES = frozenset({"RandomRotation", "RandomAffine"})
"""What turns by a random angle, unless that is 0."""

OTHERS = frozenset({"RandomCrop", "RandomResizedCrop", "RandomPerspective", "ElasticTransform"})

CONTAINERS = frozenset({"Compose", "RandomApply", "RandomOrder"})
"""What calls other transforms, one after the other."""

DEEPEST = 5
"""Containers within containers."""


def drawing_place(value: Value | None, made: Mapping[int, CallFact], depth: int = 0) -> Place | None:
    """Where the geometric transform is made that draws in each call of this one; None if there is none."""
    if isinstance(value, Maybe):
        value = value.value
    if value is None or depth > DEEPEST:
        return None
    if isinstance(value, Network) and value.layer == "torch.nn.Sequential":
        inside = (drawing_place(part, made, depth + 1) for part in value.parts.values())
        return next((p for p in inside if p is not None), None)
    fact = made.get(id(value))
    if fact is None or fact.spread or not fact.name.startswith(PACKAGE):
        return None
    if fact.last in CONTAINERS:
        if fact.last == "RandomApply" and fact.argument(1, "p") in {Const(0), Const(0.0)}:
            return None
        match fact.argument(0, "transforms"):
            case Series(items=items):
                inside = (drawing_place(item, made, depth + 1) for item in items)
                return next((p for p in inside if p is not None), None)
            case Network() as parts:
                return drawing_place(parts, made, depth + 1)
            case _:
                return None
    return fact.place if _moves(fact) else None


def _moves(fact: CallFact) -> bool:
    if fact.last in CHANCES:
        chance = fact.argument(0, "p")
        return not isinstance(chance, Const) or chance.value not in {0, 1}
    if fact.last in ANGLES:
        more = fact.last == "RandomAffine" and len(fact.arguments) > 1
        return more or fact.argument(0, "degrees") not in {Const(0), Const(0.0)}
    return fact.last in OTHERS
