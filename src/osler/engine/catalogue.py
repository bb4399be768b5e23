"""Find every check by walking the package: adding a check edits no list."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from types import MappingProxyType

from osler import checks
from osler.errors import UnknownName
from osler.model import Check


@functools.cache
def catalogue() -> MappingProxyType[str, Check]:
    """Every check by name, in alphabetical order."""
    modules = (m.name for m in pkgutil.walk_packages(checks.__path__, f"{checks.__name__}.") if not m.ispkg)
    found: list[Check] = [importlib.import_module(name).check for name in modules]
    return MappingProxyType({c.name: c for c in sorted(found, key=lambda c: c.name)})


def selected(select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> tuple[Check, ...]:
    """The checks to evaluate.

    Args:
        select: names to evaluate; empty means all.
        ignore: names to leave out.

    Raises:
        UnknownName: a name is not in the catalogue.
    """
    known = catalogue()
    for name in (*select, *ignore):
        if name not in known:
            raise UnknownName("check", name, known)
    return tuple(c for n, c in known.items() if (not select or n in select) and n not in ignore)


def prose(check: Check) -> str:
    """What the check's page says, as Markdown: the docstring of its module."""
    return (sys.modules[check.module].__doc__ or "").strip()
