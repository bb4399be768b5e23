"""Orders that are drawn at random, and what keeps or loses them on the way through a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from osler.model import Const, Helper, Loader, Place, Series, Shuffle, Tensor, Unknown, Value
from osler.static.knowledge import KEEPS_ROWS
from osler.static.values import Instance

DRAWS = frozenset({"RandomSampler", "SubsetRandomSampler"})
"""Samplers whose order is random, and in which each batch stays as it was drawn."""

SETTLES = frozenset({"collate_fn", "batch_sampler", "**", 4, 6})
"""Options of a loader that may put the samples of a batch in another order; a position stands for a name."""

MEETS = frozenset("add sub mult div pow mul where minimum maximum logaddexp add_ sub_ mul_ div_".split())
"""Operations on several tensors, entry by entry."""

KEEPS = KEEPS_ROWS | frozenset(
    "flip flipud log1p expm1 log2 exp2 log10 clip clamp_min clamp_max nan_to_num logit logsigmoid ravel "
    "exp_ neg_ clamp_ negative square erf double type_as nan_to_num_".split()
)
"""Operations that leave the first axis in random order, whichever way it runs."""

JOINS = frozenset({"cat", "concat", "concatenate"})
"""Operations that put tensors side by side."""

CUTS_UP = frozenset({"split", "chunk", "tensor_split"})
"""Operations that make parts of the first axis."""

COPIES = frozenset({"tensor", "as_tensor", "from_numpy", "asarray", "LongTensor", "FloatTensor", "Tensor"})
"""Functions of torch that make a tensor of an array."""


GIVEN = Shuffle(Place(), "", "given")
"""Stands for the order of what a module is given, whatever it is, while its `forward` is followed."""


@dataclass(slots=True, eq=False)
class Permuted(Unknown):
    """An array, or something else of which nothing is known but that its order is random."""

    shuffled: Shuffle | None = None


def order_of(value: Value | None) -> Shuffle | None:
    """The random order of the first axis, if it is in one for certain."""
    return value.shuffled if isinstance(value, Tensor | Permuted) else None


def order_in(loader: Loader) -> Shuffle | None:
    """That of the samples in each batch of a loader of torch."""
    options = loader.options
    if SETTLES & options.keys() or options.get("batch_size", options.get(1, Const(1))) in (
        Const(1),
        Const(None),
    ):
        return None  # one sample may be a sequence of its own
    dataset = options.get("dataset", options.get(0))
    if isinstance(dataset, Instance) and dataset.cls.find("__getitems__") is not None:
        return None
    sampler = options.get("sampler", options.get(3))
    drawn = isinstance(sampler, Helper) and sampler.made.rpartition(".")[2] in DRAWS
    if drawn or options.get("shuffle", options.get(2)) == Const(True):
        return Shuffle(loader.place, loader.name, "loader")
    return None


def permutation(name: str, place: Place) -> Shuffle:
    """The numbers that a function such as `randperm` draws."""
    return Shuffle(place, name, "indices")


def drawn_by(name: str, place: Place) -> Unknown:
    """What numpy has drawn: `np.random.permutation(n)`, `rng.permutation(n)`."""
    if name not in {"permutation", "numpy.random.permutation"}:
        return Unknown()
    return Permuted(shuffled=permutation("permutation", place))


def picked(index: Value) -> Shuffle | None:
    """That of what is taken out of something by numbers in random order."""
    order = order_of(index)
    return replace(order, kind="samples", parts=False) if order and order.kind == "indices" else None


def order_after(name: str, given: Sequence[Value]) -> Shuffle | None:
    """That of what an operation puts out."""
    order = order_of(given[0]) if given else None
    if name in MEETS:
        return _shared(given)
    if name in JOINS and given and isinstance(given[0], Series):
        return _shared(given[0].items) if _axis(given, 1) in {1, -1} else None
    if order is None:
        return None
    if name in CUTS_UP:
        return replace(order, parts=True) if _axis(given, 2) in {None, 0} else None
    if name == "unbind":  # one part of several, or a row
        return replace(order, parts=False) if order.parts else None
    return order if name in KEEPS | COPIES or _keeps_first_axis(name, given) else None


def _shared(given: Sequence[Value]) -> Shuffle | None:
    """The one order of what is combined row by row; what has none for certain has to fit in."""
    found = {o for v in given if (o := order_of(v)) is not None}
    known = found - {GIVEN} or found
    return known.pop() if len(known) == 1 else None


def _keeps_first_axis(name: str, given: Sequence[Value]) -> bool:
    if name in {"view", "reshape"}:
        sizes = [v.value if isinstance(v, Const) else None for v in given[1:]]
        return sizes in ([-1], [-1, 1]) or (len(sizes) > 1 and sizes[0] is None and -1 in sizes)
    if name == "flatten":
        return len(given) == 1 or _axis(given, 1) in {0, 1}
    if name == "squeeze":
        return len(given) == 1 or _axis(given, 1) in {1, -1}
    return name == "unsqueeze" and _axis(given, 1) in {1, -1}


def _axis(given: Sequence[Value], position: int) -> int | None:
    """A number among the arguments; None if it is left out, -100 if it is not known."""
    if len(given) <= position:
        return None
    value = given[position]
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else -100
