"""Attributes that were meant to freeze or unfreeze parameters and that torch does not know."""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from torch import Tensor, nn

from osler.model import MISSPELT, MisspeltFact, Place, Site

ON_PARAMETERS = frozenset(MISSPELT)
ON_MODULES = ON_PARAMETERS | {"requires_grad"}

Named = dict[Tensor, str]


def misspelt(
    models: Iterable[tuple[str, nn.Module]], files: Iterable[str], is_reached: Callable[[Tensor], bool]
) -> dict[str, MisspeltFact]:
    """What is set in vain on the parts of some models, by model and attribute.

    Args:
        models: root modules with their names.
        files: the user's, in which the line is looked for.
        is_reached: whether a gradient came to a parameter.
    """
    found: dict[str, MisspeltFact] = {}
    told: dict[tuple[str, Tensor], str] = {}
    for model, root in models:
        for (name, value, on_module), every in contradicted(root):
            # A model that became a part of another one keeps what was told of it.
            wrong = {t: n for t, n in every.items() if told.setdefault((name, t), model) == model}
            if not wrong:
                continue
            key = f"{model}.{name}"
            known = found.get(key) or MisspeltFact(
                name, value, on_module, model, (), 0, set_at(name, value, files)
            )
            new = {n: t for t, n in wrong.items() if n not in known.parameters}
            reached = known.reached + sum(map(is_reached, new.values()))
            found[key] = replace(known, parameters=(*known.parameters, *new), reached=reached)
    return found


def contradicted(root: nn.Module) -> Iterator[tuple[tuple[str, bool, bool], Named]]:
    """Each such attribute, its value, whether a module bears it, and the parameters that do not obey it."""
    for prefix, module in root.named_modules():
        dotted = f"{prefix}." if prefix else ""
        for name in ON_MODULES & vars(module).keys():
            value = vars(module)[name]
            if isinstance(value, bool) and not has_its_own(type(module), name):
                below: Named = {
                    p: dotted + n for n, p in module.named_parameters() if p.requires_grad != value
                }
                if below and (not value or len(below) == len(list(module.parameters()))):
                    yield (name, value, True), below
        for own, parameter in module.named_parameters(recurse=False):
            for name in ON_PARAMETERS & vars(parameter).keys():
                value = vars(parameter)[name]
                if isinstance(value, bool) and parameter.requires_grad != value:
                    yield (name, value, False), {parameter: dotted + own}


def has_its_own(kind: type[nn.Module], name: str) -> bool:
    """Whether a class gives the attribute a meaning of its own."""
    if kind.__module__.startswith("torch."):
        return False
    try:
        return f"self.{name}" in inspect.getsource(kind)
    except (OSError, TypeError):
        return True


def set_at(name: str, value: bool, files: Iterable[str]) -> Site:
    """The first line that sets the attribute."""
    assignment = re.compile(rf"\.{name}\s*=\s*{value}\b")
    for file in sorted(files):
        for number, text in enumerate(linecache.getlines(file), 1):
            if assignment.search(text):
                return (Place(file, number),)
    return ()
