"""Facts about what moves the weights and what prevents it."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class ScheduleFact:
    """A schedule of the learning rate.

    Attributes:
        name: class name, numbered when several live at once.
        site: where it was built.
        kind: class name.
        optimizer: whose learning rate it sets; empty if unknown.
        horizon: steps after which it is over, or falls for the first time; 0 if it has no such number.
        mode: ``min`` or ``max`` of a plateau schedule.
        calls: steps that the script has taken, to the latest that was watched closely.
        metrics: values that a plateau schedule was given.
        lows: of these, values below all earlier ones.
        highs: values above all earlier ones.
        lowest: smallest value.
        highest: largest value.
        last: step of the last of its milestones; 0 if it has none.
    """

    name: str
    site: Site
    kind: str
    optimizer: str = ""
    horizon: int = 0
    mode: str = ""
    calls: int = 0
    metrics: int = 0
    lows: int = 0
    highs: int = 0
    lowest: float = 0.0
    highest: float = 0.0
    last: int = 0


@dataclass(frozen=True, slots=True)
class RestoredRateFact:
    """Learning rates that came with a loaded state, a thousandth or less of those before.

    Attributes:
        optimizer: its name.
        site: where the state was loaded.
        before: rate of the first group until then.
        after: the one that was loaded.
        step: optimizer steps finished when it was loaded.
        schedule: name of a schedule that had not counted at its next step, empty if it had none.
    """

    optimizer: str
    site: Site
    before: float
    after: float
    step: int = 0
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class AliasFact:
    """Weights that were loaded into the model in whose memory they lie.

    Attributes:
        site: where they are loaded.
        taken: where `state_dict()` was called.
        taken_step: optimizer steps finished then.
        step: optimizer steps finished when they were loaded.
    """

    site: Site
    taken: Site
    taken_step: int
    step: int


@dataclass(frozen=True, slots=True)
class UpdateFact:
    """Whether the steps of an optimizer change the weights, on those steps that were looked at.

    Attributes:
        optimizer: its name.
        looks: steps at which gradients were not zero and a few parameters were compared.
        absent: of these, steps that left every compared parameter as it was, bit for bit.
        rate: the highest learning rate at such a step.
    """

    optimizer: str
    looks: int = 0
    absent: int = 0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class InPlaceFact:
    """A tensor that a backward needed had been changed in place: what torch and the source tell about it.

    Attributes:
        made_by: operation whose result was changed, as torch names it; empty for a weight.
        sites: statements that change a tensor in place and may be meant; empty if there are too many.
    """

    made_by: str
    sites: tuple[Site, ...] = ()
