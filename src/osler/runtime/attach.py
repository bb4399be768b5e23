"""Install every probe; probes are found by walking their package."""

from __future__ import annotations

import importlib
import pkgutil

from osler.runtime import probes
from osler.runtime.patches import Patches
from osler.runtime.undynamo import pass_over_our_frames
from osler.runtime.watcher import Watcher


def attach(watcher: Watcher) -> Patches:
    """Install all probes on behalf of a watcher; what is returned takes them out again."""
    patches = Patches()
    for info in sorted(pkgutil.iter_modules(probes.__path__), key=lambda i: i.name):
        importlib.import_module(f"{probes.__name__}.{info.name}").install(watcher, patches)
    pass_over_our_frames()
    return patches
