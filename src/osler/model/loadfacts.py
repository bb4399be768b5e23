"""Facts about what is loaded: weights that do not fit, a model's own ones, and training without its state."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class SelfLoadFact:
    """Weights that were copied from a model to itself while it was trained, or to one in the same memory.

    Attributes:
        site: where they are loaded.
        model: the module that they were loaded into.
        times: how often the same one, between the first step and the last.
        step: optimizer steps finished at the first time.
        assigned: they were put in place of the parameters of another module of the same class, `assign=True`.
    """

    site: Site
    model: str
    times: int = 1
    step: int = 0
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class LoadFact:
    """Weights that were loaded with `strict=False` and of which next to nothing fits the model.

    Attributes:
        site: where they are loaded.
        model: class of the module that they were loaded into.
        entries: how many there are.
        parameters: parameters of the module.
        matched: of these, how many have an entry of their name and shape.
        renamed: how many would have one if the prefix were taken off.
        prefix: what stands before all names on one side only; empty if nothing does.
        on_entries: the prefix stands before the entries and not before the model's names.
        entry: the first entry.
        parameter: the first parameter.
        step: optimizer steps finished before.
    """

    site: Site
    model: str
    entries: int
    parameters: int
    matched: int
    renamed: int = 0
    prefix: str = ""
    on_entries: bool = True
    entry: str = ""
    parameter: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class ResumeFact:
    """Training that went on from a file without all that the file holds.

    Attributes:
        site: where the file is read.
        missing: ``optimizer`` or ``schedule``.
        name: whose state is not the stored one.
        taken: steps that it had taken when the file was written; 0 if unknown.
        restored: what of the training's state was restored, besides the weights.
        written_again: the same file was written later on.
        built: where the optimizer or schedule is built.
        step: optimizer steps finished when the file was read.
    """

    site: Site
    missing: str
    name: str
    taken: int = 0
    restored: tuple[str, ...] = ()
    written_again: bool = False
    built: Site = ()
    step: int = 0
