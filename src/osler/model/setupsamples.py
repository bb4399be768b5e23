"""Facts about single samples that experiments yield: a batch of one, and labels among the inputs."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class LoneSampleFact:
    """The last batch of each pass holds one sample, and that is not taken as other batches are.

    Attributes:
        name: class of the model, or function of the loss, that is given the sample.
        error: that it raises; empty if it returns another shape.
        squeezed: the axis of the samples is lost.
        samples: of a pass.
        batch: samples in the other batches.
        site: where batches are asked for.
        where: what raises, or returns that shape.
    """

    name: str
    error: str
    squeezed: bool
    samples: int
    batch: int
    site: Site
    where: Site


@dataclass(frozen=True, slots=True)
class LabelFeatureFact:
    """A part of the input tells the label of each sample, and the model heeds that part.

    Attributes:
        model: class of the model.
        part: column, channel or pixel.
        places: its number, of pixels row by row; several if there is one for each class.
        parts: how many there are.
        samples: that agree without exception.
        classes: different labels; 0 if they are amounts.
        difference: change of the outputs when that part is exchanged, over the largest output.
        site: the call of the model.
    """

    model: str
    part: str
    places: tuple[int, ...]
    parts: int
    samples: int
    classes: int
    difference: float
    site: Site


@dataclass(frozen=True, slots=True)
class WindowFact:
    """The last steps of a window over a series are its first targets, and the model heeds them.

    Attributes:
        model: class of the model.
        steps: of the window that are targets.
        length: steps of the window.
        feature: of each step, which is the target; -1 if there is only one, or if all are.
        exact: they are the same numbers; else the targets are those times a number, plus a number.
        targets: numbers to be predicted for each sample.
        samples: that agree without exception.
        difference: change of what is said of the first target when these steps are exchanged, over the
            largest output.
        site: the call of the model.
    """

    model: str
    steps: int
    length: int
    feature: int
    exact: bool
    targets: int
    samples: int
    difference: float
    site: Site
