"""Facts about parameters outside the range of what they go through first."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Place, Site


@dataclass(frozen=True, slots=True)
class OutsideFact:
    """A trainable parameter all of whose uses behind a loss pass nothing back to it, in every look so far.

    Attributes:
        name: dotted name in its model, or the name of the variable.
        model: name of the root module, empty if it belongs to none.
        backward: where the backward is called.
        operation: what the parameter goes through first, with its limits.
        elements: size of the parameter.
        lowest: its smallest value.
        highest: its largest value.
        place: the line of the operation, if it is known.
        looks: backward calls that were looked at.
        first: optimizer steps finished before the first of them.
        step: optimizer steps finished before the last.
    """

    name: str
    model: str
    backward: Site
    operation: str
    elements: int
    lowest: float
    highest: float
    place: Place | None = None
    looks: int = 1
    first: int = 0
    step: int = 0

    @property
    def full_name(self) -> str:
        """Its name with the model in front."""
        return f"{self.model}.{self.name}" if self.model else self.name
