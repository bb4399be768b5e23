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
        evaluation_loaders: loaders whose batches go forward without gradient recording and not backward.
        compiled: some model or function is compiled.
        frozen: keys in ``Run.parameters`` of the parameters that require no gradient.
        tied: groups of names under which one parameter is known in its model.
        copies: models that only follow a trained one with the same parameters, such as an EMA teacher, a
            target network or the best weights so far, with the name of the one they follow.
    """

    accumulation: dict[str, int] = field(default_factory=dict[str, int])
    optimizers: tuple[str, ...] = ()
    by_hand: bool = False
    closure: bool = False
    scaler: bool = False
    trained: frozenset[str] = frozenset()
    training_loaders: frozenset[str] = frozenset()
    evaluates: bool = False
    evaluation_loaders: frozenset[str] = frozenset()
    compiled: bool = False
    frozen: frozenset[str] = frozenset()
    tied: tuple[tuple[str, ...], ...] = ()
    copies: dict[str, str] = field(default_factory=dict[str, str])
