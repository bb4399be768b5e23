"""Do weights that are loaded with `strict=False` fit the model by name and shape?"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from osler.model import LoadFact, Site

Shapes = dict[str, tuple[int, ...]]


def fitted(module: nn.Module, weights: Mapping[str, object], site: Site, step: int) -> LoadFact | None:
    """What fits; None for a module without parameters, or with lazy ones.

    Args:
        module: what they are loaded into.
        weights: tensors by name.
        site: where they are loaded.
        step: optimizer steps finished before.
    """
    named = list(module.named_parameters(remove_duplicate=False))
    if any(is_lazy(p) for _, p in named):  # these take any shape
        return None
    own: Shapes = {n: tuple(p.shape) for n, p in named}
    given: Shapes = {
        n: tuple(t.shape) for n, t in weights.items() if isinstance(t, Tensor) and not is_lazy(t)
    }
    if not own:
        return None
    matched = sum(given.get(name) == shape for name, shape in own.items())
    prefix, on_entries = difference(own, given)
    renamed = fits_without(given, own, prefix) if on_entries else fits_without(own, given, prefix)
    return LoadFact(
        site=site,
        model=type(module).__name__,
        entries=len(given),
        parameters=len(own),
        matched=matched,
        renamed=renamed if prefix else 0,
        prefix=prefix,
        on_entries=on_entries,
        entry=next(iter(given), ""),
        parameter=next(iter(own)),
        step=step,
    )


def difference(own: Shapes, given: Shapes) -> tuple[str, bool]:
    """The prefix that the entries have and the model has not, or the other way round; empty without one."""
    for longer, shorter, on_entries in ((given, own, True), (own, given, False)):
        for name, shape in longer.items():
            rest = name
            while "." in rest:
                rest = rest.partition(".")[2]
                if shorter.get(rest) == shape:
                    return name.removesuffix(rest), on_entries
    return "", True


def fits_without(longer: Shapes, shorter: Shapes, prefix: str) -> int:
    """How many names of one side have a partner of their shape once the prefix is taken off."""
    return sum(
        shorter.get(name.removeprefix(prefix)) == shape
        for name, shape in longer.items()
        if name.startswith(prefix)
    )
