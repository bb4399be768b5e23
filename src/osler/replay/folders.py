"""What stands in a folder of which a part lies elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder that is found elsewhere, named as the script would name it."""

    inner: os.DirEntry[Any]
    path: Any

    @property
    def name(self) -> Any:
        """As in the folder."""
        return self.inner.name

    def __fspath__(self) -> Any:
        return self.path

    def inode(self) -> int:
        """Of the file."""
        return self.inner.inode()

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""
        return self.inner.is_dir(follow_symlinks=follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a file."""
        return self.inner.is_file(follow_symlinks=follow_symlinks)

    def is_symlink(self) -> bool:
        """Whether it is a link."""
        return self.inner.is_symlink()

    def is_junction(self) -> bool:
        """Whether it is what Windows calls so."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size, times and mode."""
        return self.inner.stat(follow_symlinks=follow_symlinks)


class Entries:
    """What `os.scandir` returns: entries, one after the other, and a context."""

    def __init__(self, found: Iterable[Any]) -> None:
        self._found = iter(found)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._found)

    def __enter__(self) -> Entries:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """No more of them."""
        self._found = iter(())
