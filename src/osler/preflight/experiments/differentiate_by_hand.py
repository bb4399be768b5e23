"""Do custom autograd functions give the gradient of what they compute? Double precision tells."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from osler.model import Site, counted, listed
from osler.model.setupfacts import CustomGradientFact
from osler.preflight.bench import Bench
from osler.preflight.outcome import Outcome, Steps
from osler.replay.snapshot import below
from osler.replay.trees import tensors
from osler.replay.turn import Turn

QUESTION = "do custom autograd functions give the gradient of what they compute?"
COST = 1
STEP = 1e-4
"""Distance over the size of the values, at which differences in double precision are good to eight digits."""

SMOOTH = 1e-4
"""Relative difference of slopes at two distances, up to which a function is smooth there."""

WRONG = 1e-2
"""Relative difference between slope and gradient that no rounding makes, nor a small number that is added."""

PLACES = 16
"""Entries of each argument that are tried."""

FEWEST = 3
"""Entries with a slope below which nothing is said."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    return "" if own_functions(bench) else "the script has no autograd functions of its own"


def own_functions(bench: Bench) -> list[Any]:
    """Subclasses of `Function` that are defined in the user's files."""
    return [kind for kind in below(Function) if defined(bench, kind)]


def defined(bench: Bench, kind: type) -> Site:
    """Where the backward of a function is defined, if that is the user's."""
    backward = vars(kind).get("backward")
    return bench.observer.lines.definition(getattr(backward, "__func__", None))


@dataclass(slots=True, eq=False)
class Called:
    """The first call of a function.

    Attributes:
        kind: the subclass.
        args: its arguments, copied.
        wants: which of them want a gradient.
    """

    kind: Any
    args: tuple[Any, ...]
    wants: tuple[bool, ...]


@contextmanager
def listening(kinds: list[Any], calls: dict[Any, Called]) -> Generator[None]:
    """Note the first arguments of each function."""
    before = [
        (kind, vars(kind)["forward"]) for kind in kinds if isinstance(vars(kind).get("forward"), staticmethod)
    ]

    def wrapped(kind: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        has_context = "setup_context" not in vars(kind)

        def forward(*args: Any, **kwargs: Any) -> Any:
            given = args[1:] if has_context else args
            if kind not in calls and not kwargs:
                wants = args[0].needs_input_grad if has_context else tuple(is_real(a) for a in given)
                copies = tuple(a.detach().clone() if isinstance(a, Tensor) else a for a in given)
                calls[kind] = Called(kind, copies, tuple(wants))
            return original(*args, **kwargs)

        return forward

    for kind, forward in before:
        kind.forward = staticmethod(wrapped(kind, forward.__func__))
    try:
        yield
    finally:
        for kind, forward in before:
            kind.forward = forward


def is_real(value: object) -> bool:
    """Whether a value is a tensor of real numbers."""
    return isinstance(value, Tensor) and value.is_floating_point()


def perform(bench: Bench) -> Steps:
    """Note what the functions are given in one turn; then compare backward with differences of forward."""
    calls: dict[Any, Called] = {}
    with listening(own_functions(bench), calls):
        yield Turn(0)
    if not calls:
        return Outcome(skipped="no autograd function of the script was called with plain arguments")
    told: dict[str, str] = {}
    facts: list[CustomGradientFact] = []
    for kind, call in calls.items():
        name = cast("str", kind.__name__)
        verdict = compared(call)
        if isinstance(verdict, str):
            told[name] = verdict
            continue
        wrong, tried, worst = verdict
        told[name] = f"differs at {wrong} of {tried} entries" if wrong else "agrees"
        if wrong:
            facts.append(CustomGradientFact(name, wrong, tried, worst, defined(bench, kind)))
    if facts:
        return Outcome(f"no: {listed([f.function for f in facts])}", {"functions": len(calls)}, tuple(facts))
    if any(v == "agrees" for v in told.values()):
        return Outcome(f"yes, {counted(sum(v == 'agrees' for v in told.values()), 'function')}",
                       {"functions": len(calls)})  # fmt: skip
    return Outcome(skipped="; ".join(f"`{name}` {why}" for name, why in told.items()))


def compared(call: Called) -> str | tuple[int, int, float]:  # noqa: PLR0911
    """Entries at which gradient and slope differ, entries with a slope, the worst; or why it is not known."""
    if any(isinstance(a, nn.Module) or callable(a) for a in call.args):
        return "is given a module or function to call"
    doubles = [a.double() if is_real(a) else a for a in call.args]
    numbers = [at for at, want in enumerate(call.wants) if want and is_real(call.args[at])]
    if not numbers:
        return "is given nothing that wants a gradient"
    try:
        base = output_of(call, doubles)
        if base is None:
            return "returns no real numbers in double precision"
        if any(base.shape == doubles[at].shape and torch.equal(base, doubles[at]) for at in numbers):
            return "returns what it is given: its gradient is another one on purpose"
        weights = (
            torch.linspace(0.5, 1.5, base.numel(), dtype=torch.float64).reshape(base.shape).to(base.device)
        )
        gradients = gradients_of(call, doubles, numbers, weights)
        small = gradients_of(call, doubles, numbers, weights * 1e-3)
    except (RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError, IndexError):
        return "does not work in double precision"
    pairs = [(g, s) for g, s in zip(gradients, small, strict=True) if g is not None and s is not None]
    if not pairs:
        return "gives no gradient"
    if not all(torch.allclose(g, s * 1e3, rtol=1e-6, atol=1e-12) for g, s in pairs):
        return "changes gradients by their size on purpose"
    return counted_out(call, doubles, numbers, gradients, weights)


def output_of(call: Called, args: list[Any]) -> Tensor | None:
    """The first real output, with the same random numbers every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        given = [a.clone() if isinstance(a, Tensor) else a for a in args]
        output = call.kind.apply(*given)
    found = [t for t in tensors(output) if t.dtype is torch.float64]
    return found[0] if len(tensors(output)) == 1 and found else None


def gradients_of(call: Called, args: list[Any], numbers: list[int], weights: Tensor) -> list[Tensor | None]:
    """What its backward gives."""
    leaves = list(args)
    for at in numbers:
        leaves[at] = args[at].detach().clone().requires_grad_()
    with torch.enable_grad():
        output = output_of(call, leaves)
        assert output is not None
        wanted = [leaves[at] for at in numbers]
        return list(torch.autograd.grad(output, wanted, weights, allow_unused=True))


def counted_out(
    call: Called, args: list[Any], numbers: list[int], gradients: list[Tensor | None], weights: Tensor
) -> str | tuple[int, int, float]:
    """Compare entry by entry, where the function is smooth and has a slope."""
    wrong, tried, worst = 0, 0, 0.0
    for at, gradient in zip(numbers, gradients, strict=True):
        if gradient is None:
            continue
        value = cast("Tensor", args[at])
        size = float(value.abs().mean()) or 1.0
        for place in torch.linspace(0, value.numel() - 1, min(PLACES, value.numel())).long().tolist():
            near, far = (slope(call, args, (at, place), STEP * size * k, weights) for k in (1, 2))
            if near is None or far is None or not abs(near) > 1e-9 or abs(near - far) > SMOOTH * abs(near):
                continue
            given = float(gradient.reshape(-1)[place])
            apart = abs(given - near) / max(abs(given), abs(near))
            tried += 1
            wrong += apart > WRONG
            worst = max(worst, apart)
    if tried < FEWEST:
        return "is flat or has edges where it was tried"
    return (wrong, tried, worst) if 2 * wrong > tried else (0, tried, worst)


def slope(
    call: Called, args: list[Any], entry: tuple[int, int], step: float, weights: Tensor
) -> float | None:
    """The difference quotient in one entry of one argument."""
    sums: list[float] = []
    for sign in (1, -1):
        moved = list(args)
        moved[entry[0]] = args[entry[0]].clone(memory_format=torch.contiguous_format)
        moved[entry[0]].view(-1)[entry[1]] += sign * step
        with torch.no_grad():
            output = output_of(call, moved)
        if output is None or output.shape != weights.shape:
            return None
        sums.append(float((output * weights).sum()))
    return (sums[0] - sums[1]) / (2 * step)
