"""Where the layers of a model were built: the user's line that gave each its parameters or its place."""

from __future__ import annotations

import sys
from typing import Any
from weakref import ref

from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from osler.model import Site
from osler.runtime.patches import Patches
from osler.runtime.userlines import UserLines


class Births:
    """Remembers a line for each layer that is built, by torch's own hooks on registration.

    A layer with parameters is known by the line that calls its class, also inside a `Sequential` of many
    lines; one without by the line that makes it a part of another module. Copies have none.
    """

    def __init__(self, lines: UserLines) -> None:
        self._lines = lines
        self._sites: dict[int, tuple[ref[nn.Module], Site]] = {}

    def install(self, patches: Patches) -> None:
        """Begin to remember."""
        patches.on_undo(register_module_parameter_registration_hook(self._holds).remove)
        patches.on_undo(register_module_module_registration_hook(self._joins).remove)

    def site(self, module: nn.Module) -> Site:
        """The line that built a module; empty if it is not known."""
        known = self._sites.get(id(module))
        return known[1] if known is not None and known[0]() is module else ()

    def _holds(self, module: nn.Module, _name: str, _parameter: Any) -> None:
        self._note(module)

    def _joins(self, _module: nn.Module, _name: str, part: nn.Module | None) -> None:
        if part is not None:
            self._note(part)

    def _note(self, module: nn.Module) -> None:
        if not self.site(module):
            site = self._lines.site(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
            self._sites[id(module)] = ref(module), site[:1]
