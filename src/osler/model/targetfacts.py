"""Facts about the targets of losses: labels for each class, and what no output can ever reach."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class LabelRowsFact:
    """Targets that hold a number for each class, in a loss over classes at one line, on the calls looked at.

    A row is what belongs to one sample or position, one number for each class.

    Attributes:
        function: ``cross_entropy``.
        site: where it is called.
        step: optimizer steps finished before the first of these calls.
        tests: calls that were looked at.
        classes: columns of the scores, the most of these calls.
        rows: rows that were looked at; 0 while the targets were class ids.
        several: rows of 0 and 1 that hold more than one 1.
        fewest: ones in the row that has the fewest; 0 if not all targets were rows of 0 and 1.
        most: ones in the row that has the most; 0 if not all targets were rows of 0 and 1.
        of_layer: the scores were always, but for a scale or a shift, what a layer with weights puts out for
            these classes.
        entered: targets went into a model as they are.
    """

    function: str
    site: Site
    step: int = 0
    tests: int = 1
    classes: int = 0
    rows: int = 0
    several: int = 0
    fewest: int = 0
    most: int = 0
    of_layer: bool = False
    entered: bool = False


@dataclass(frozen=True, slots=True)
class ReachFact:
    """Targets of a loss at one line against the range that its other argument cannot leave.

    Attributes:
        function: ``mse_loss``, ``binary_cross_entropy`` …
        site: where it is called.
        step: optimizer steps finished before the first of the calls looked at.
        tests: calls that were looked at.
        made_by: what made the values that are compared, as autograd calls it: ``sigmoid``, ``relu`` …; empty
            if the loss itself asks for probabilities.
        made_at: where that was called, if known.
        low: lower end of the range.
        high: upper end, possibly infinite.
        targets: targets that were looked at.
        outside: those outside the range.
        far: those outside by more than a quarter of the width of the range. If it has none, by more than a
            quarter of the root mean square of the targets, in calls where a tenth of their mean square lies
            outside.
        lately: share of these at the latest calls, each of which counts half as much as the next.
        lowest: smallest target.
        highest: largest target.
    """

    function: str
    site: Site
    step: int = 0
    tests: int = 1
    made_by: str = ""
    made_at: Site = ()
    low: float = 0.0
    high: float = 1.0
    targets: int = 0
    outside: int = 0
    far: int = 0
    lately: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def farthest(self) -> float:
        """The target that is missed by most; one inside if none is missed."""
        return self.lowest if self.low - self.lowest >= self.highest - self.high else self.highest
