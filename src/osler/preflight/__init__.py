"""Experiments on the first batches of a training, by repeating and varying the script's own first turn.

The package can be called, as `osler.preflight(model=..., loss=..., batch=..., optimizer=...)`: see
`osler.examination.preflight`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package that bears the name of a public function."""

    def __call__(self, **arguments: Any) -> Any:
        """What the function does."""
        return import_module("osler.examination").preflight(**arguments)


sys.modules[__name__].__class__ = CallablePackage
