"""What is written beside the numbers: what a series is about, what happened once, how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """What a recorded series is about.

    Attributes:
        name: of its column.
        measure: of its values.
        subject: dotted module or parameter name; empty for the whole program.
        unit: unit of its values; empty for a pure number.
        title: what it is, in a few words.
    """

    name: str
    measure: str = ""
    subject: str = ""
    unit: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened once.

    Attributes:
        kind: what, for example ``finding``.
        seconds: since recording began.
        value: its content, plain values.
    """

    kind: str
    seconds: float
    value: object


@dataclass(frozen=True, slots=True)
class Standing:
    """Where training stood when it ended.

    Attributes:
        steps: optimizer steps.
        loss: the last loss, None if there was none.
    """

    steps: int = 0
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a recorded program ended.

    Attributes:
        exit_code: of the script; None if there was none.
        ended_by: empty, ``exception``, ``SIGTERM`` …
        seconds: that it was recorded.
    """

    exit_code: int | None = None
    ended_by: str = ""
    seconds: float = 0.0
