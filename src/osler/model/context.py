"""What is learned once about the program and consulted by every check."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Context:
    """The program in a few words.

    Attributes:
        accumulation: backward calls per step, by optimizer; the most frequent number.
        optimizers: names of the optimizers that stepped.
        by_hand: parameters are updated without an optimizer.
        closure: some optimizer calls a closure (LBFGS).
        scaler: a gradient scaler is in use.
        trained: names of the models whose parameters are stepped.
        training_loaders: loaders whose batches are followed by a backward.
        evaluates: some forward runs without gradient recording.
        compiled: some model or function is compiled.
    """

    accumulation: dict[str, int] = field(default_factory=dict[str, int])
    optimizers: tuple[str, ...] = ()
    by_hand: bool = False
    closure: bool = False
    scaler: bool = False
    trained: frozenset[str] = frozenset()
    training_loaders: frozenset[str] = frozenset()
    evaluates: bool = False
    compiled: bool = False
