"""Find every export target by walking the package: adding a target edits no list."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from osler.errors import StoreError
from osler.store import export
from osler.store.reader import StoredRun


class Target(Protocol):
    """What a module of this package offers if it is a target; the target is named after the module."""

    __doc__: str
    SUFFIX: str
    """How the names of such files or folders end."""

    def write(self, stored: StoredRun, path: Path) -> int:
        """Write all records of a run to a new file or folder; how many they are.

        Raises:
            OSError: it cannot be written.
            OslerError: something else is missing.
        """
        ...


@functools.cache
def targets() -> MappingProxyType[str, Target]:
    """Every target by name, in alphabetical order."""
    names = sorted(m.name for m in pkgutil.iter_modules(export.__path__))
    modules = {name: importlib.import_module(f"{export.__name__}.{name}") for name in names}
    return MappingProxyType({n: cast("Target", m) for n, m in modules.items() if hasattr(m, "SUFFIX")})


def exported(stored: StoredRun, target: Target, path: Path) -> int:
    """Write a run in one stroke: what was there stays until the new one is whole.

    Args:
        stored: the run.
        target: the format.
        path: a file, which is replaced, or a folder, which must be empty or not there.

    Returns:
        How many records were written.

    Raises:
        StoreError: it cannot be written.
        UsageError: a package is missing.
    """
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: there is no such folder", fix=f"Create {path.parent} first.")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        amount = target.write(stored, beside)
        beside.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}", fix="Choose another --output.") from error
    finally:
        remove(beside)
    return amount


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
