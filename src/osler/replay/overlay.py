"""A fence around the disk: what the script writes goes to a scratch folder, and is found there again.

Covers what Python code opens, makes, moves and removes, `torch.save`, and `save_file` of safetensors. What
another library writes from C by a name of its own, and what a child process writes, is not covered.
"""

from __future__ import annotations

import builtins
import bz2
import errno
import functools
import getpass
import io
import os
import shutil
import stat
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import torch

from osler.replay.folders import Entries, Entry
from osler.runtime.patches import Patches

WRITING = frozenset("wax+")
"""Letters in the mode of a file that is written to."""

WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

TEMPORARY = getattr(os, "O_TMPFILE", -1)
"""Flags of a file without a name."""

FREE = ("/dev/", "/proc/", "/sys/")
"""Beginnings of paths that are no files."""

LOOKING = ("stat", "lstat", "access", "listxattr", "getxattr")
"""Functions of `os` that take a path first, and go to the scratch folder if it holds that path."""


class Overlay:
    """Files as the script sees them: the real ones, and over them those that it has written.

    Attributes:
        scratch: folder that receives what is written.
        gone: real files and folders that the script believes it has removed: what it sees there is in the
            scratch folder.
    """

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="osler-preflight-"))
        self.gone: set[str] = set()
        self._real = {name: getattr(os, name) for name in ("stat", "mkdir", "listdir", "scandir")}
        self.free = [*FREE, str(self.scratch), *caches()]
        self._patches: Patches | None = None

    def install(self, patches: Patches) -> None:
        """Put the fence up."""
        self._patches = patches
        for owner, name in ((builtins, "open"), (io, "open"), (tarfile, "bltn_open"), (bz2, "_builtin_open")):
            patches.rebind(owner, name, self._wrap_open)
        patches.rebind(os, "open", self._wrap_descriptor)
        patches.rebind(os, "mkdir", self._wrap_mkdir)
        for name in ("remove", "unlink", "rmdir"):
            patches.rebind(os, name, self._wrap_remove)
        for name in ("rename", "replace"):
            patches.rebind(os, name, self._wrap_move)
        for name in LOOKING:
            patches.rebind(os, name, self._wrap_look)
        patches.rebind(os, "listdir", self._wrap_listing)
        patches.rebind(os, "scandir", self._wrap_scanning)
        for name in ("chmod", "utime", "truncate", "setxattr"):
            patches.rebind(os, name, self._wrap_touch)
        for name in ("symlink", "link"):
            patches.rebind(os, name, self._wrap_link)
        for name in ("mkdtemp", "_mkstemp_inner"):
            patches.rebind(tempfile, name, self._wrap_temporary)
        patches.rebind(shutil, "rmtree", self._wrap_remove_tree)
        patches.swap(torch.save, self._wrap_save)

    def remove(self) -> None:
        """Throw away everything that was written; to be called when the fence is down."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def twin(self, path: Any) -> str | None:
        """Where a path lies in the scratch folder; None if it is no file of the user's."""
        if self._patches is not None:
            self._fence_safetensors(self._patches)
        if isinstance(path, int) or path is None:
            return None
        try:
            text = os.fsdecode(os.fspath(path))
        except (TypeError, ValueError):
            return None
        whole = os.path.abspath(text)  # noqa: PTH100 - `Path.resolve` would ask for the file
        if whole.startswith(tuple(self.free)):
            return None
        return f"{self.scratch}{whole}"

    def has(self, twin: str) -> bool:
        """Whether the scratch folder holds something there."""
        try:
            self._real["stat"](twin)
        except OSError:
            return False
        return True

    def prepare(self, twin: str, *, keeps: bool) -> None:
        """Make room for a file that will be written.

        Raises:
            FileNotFoundError: the script's folder for it does not exist.
        """
        original = self.original(twin)
        folder = os.path.dirname(twin)  # noqa: PTH120
        if not self.has(folder):
            self.require(os.path.dirname(original))  # noqa: PTH120
            self.make(folder)
        if self.has(twin) or not self.sees(original):
            return
        if self.is_folder(original):
            self.make(twin)
        elif keeps:
            with self._untouched(original, "rb") as source, self._untouched(twin, "wb") as target:
                shutil.copyfileobj(source, target)

    def fetch(self, twin: str) -> None:
        """Have a file, or a folder with all that the script sees in it, in the scratch folder."""
        self.prepare(twin, keeps=True)
        if self.is_folder(twin) and not os.path.islink(self.original(twin)):  # noqa: PTH114
            for name in self.names(self.original(twin)):
                self.fetch(f"{twin}/{name}")

    def original(self, twin: str) -> str:
        """The path that stands for a place in the scratch folder."""
        return twin.removeprefix(str(self.scratch))

    def is_gone(self, path: str) -> bool:
        """Whether the script has removed a real file, or a folder around it."""
        while self.gone and path not in self.gone:
            above = os.path.dirname(path)  # noqa: PTH120
            if above == path:
                return False
            path = above
        return bool(self.gone)

    def sees(self, path: str) -> bool:
        """Whether the script finds something there."""
        return self.has(f"{self.scratch}{path}") or (self.has(path) and not self.is_gone(path))

    def require(self, path: str, named: Any = None) -> None:
        """Complain as Python does if the script finds nothing there.

        Raises:
            FileNotFoundError: it does not.
        """
        if not self.sees(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(named or path))

    def names(self, folder: str) -> list[str]:
        """What the script finds in a folder."""
        return list(dict.fromkeys([*self.names_left(folder), *self.names_made(folder)]))

    def names_left(self, folder: str) -> list[str]:
        """What is really there and was not removed."""
        if not self.has(folder) or self.is_gone(folder):
            return []
        return [n for n in self._real["listdir"](folder) if os.path.join(folder, n) not in self.gone]  # noqa: PTH118

    def names_made(self, folder: str) -> list[str]:
        """What was written there."""
        twin = f"{self.scratch}{folder}"
        return self._real["listdir"](twin) if self.has(twin) else []

    def is_folder(self, path: str) -> bool:
        """Whether there really is a folder of that name."""
        return self.has(path) and stat.S_ISDIR(self._real["stat"](path).st_mode)

    def make(self, folder: str) -> None:
        """Make a folder in the scratch folder, with all above it."""
        if not self.has(folder):
            self.make(os.path.dirname(folder))  # noqa: PTH120
            self._real["mkdir"](folder)

    def _untouched(self, path: str, mode: str) -> Any:
        """A file, past the fence."""
        return io.FileIO(path, mode)

    def _wrap_open(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:  # noqa: A001
            return original(
                self._chosen(file, writes=bool(WRITING & set(mode)), keeps="w" not in mode),
                mode,
                *args,
                **kwargs,
            )

        return open

    def _chosen(self, path: Any, *, writes: bool, keeps: bool) -> Any:
        """The path that is really opened."""
        twin = self.twin(path)
        if twin is None:
            return path
        if writes:
            self.prepare(twin, keeps=keeps)
            return twin
        if self.has(twin):
            return twin
        if self.is_gone(self.original(twin)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return path

    def _wrap_descriptor(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def open(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:  # noqa: A001
            if kwargs.get("dir_fd") is not None or flags & TEMPORARY == TEMPORARY:
                return original(path, flags, *args, **kwargs)
            writes = bool(flags & WRITING_FLAGS)
            return original(
                self._chosen(path, writes=writes, keeps=not flags & os.O_TRUNC), flags, *args, **kwargs
            )

        return open

    def _wrap_mkdir(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def mkdir(path: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(path)
            if twin is None:
                return original(path, *args, **kwargs)
            real = self.original(twin)
            if self.sees(real):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            self.require(os.path.dirname(real), path)  # noqa: PTH120
            self.make(os.path.dirname(twin))  # noqa: PTH120
            return original(twin, *args, **kwargs)

        return mkdir

    def _wrap_look(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def look(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("dir_fd") is not None:
                return original(path, *args, **kwargs)
            return original(self._chosen(path, writes=False, keeps=True), *args, **kwargs)

        return look

    def _wrap_listing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def listdir(path: Any = ".") -> Any:
            twin = self.twin(path)
            if twin is None or not self.is_folder(self._chosen(path, writes=False, keeps=True)):
                return original(path if twin is None else self._chosen(path, writes=False, keeps=True))
            found = self.names(self.original(twin))
            return [os.fsencode(name) for name in found] if isinstance(os.fspath(path), bytes) else found

        return listdir

    def _wrap_scanning(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def scandir(path: Any = ".") -> Any:
            twin = self.twin(path)
            if twin is None:
                return original(path)
            real, chosen = self.original(twin), self._chosen(path, writes=False, keeps=True)
            if not self.is_folder(chosen) or not (self.gone or self.has(twin)):
                return original(chosen)
            given = os.fspath(path)
            made = {os.fsencode(name) for name in self.names_made(real)}
            left = {os.fsencode(name) for name in self.names_left(real)} - made
            found = [e for e in original(path) if os.fsencode(e.name) in left] if left else []
            new = original(os.fsencode(twin) if isinstance(given, bytes) else twin) if made else ()
            return Entries([*found, *(Entry(e, os.path.join(given, e.name)) for e in new)])  # noqa: PTH118

        return scandir

    def _wrap_touch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def touch(path: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(path)
            if twin is None or kwargs.get("dir_fd") is not None:
                return original(path, *args, **kwargs)
            if not self.has(twin):
                self.prepare(twin, keeps=True)
            return original(twin, *args, **kwargs)

        return touch

    def _wrap_link(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def link(source: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            there = self.twin(target)
            if there is None:
                return original(source, target, *args, **kwargs)
            self.prepare(there, keeps=False)
            return original(source, there, *args, **kwargs)

        return link

    def _wrap_temporary(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def temporary(*args: Any, **kwargs: Any) -> Any:
            self.free, free = [*self.free, tempfile.gettempdir()], self.free
            try:
                made = original(*args, **kwargs)
            finally:
                self.free = free
            self.free.append(made if isinstance(made, str) else made[1])
            return made

        return temporary

    def _wrap_remove(self, original: Callable[..., Any]) -> Callable[..., Any]:
        of_folders = original.__name__ == "rmdir"

        def remove(path: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(path)
            if twin is None or kwargs.get("dir_fd") is not None:
                return original(path, *args, **kwargs)
            real = self.original(twin)
            self.require(real, path)
            if of_folders and self.names(real):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
            if not of_folders and self.is_folder(self._chosen(path, writes=False, keeps=True)):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            if self.has(twin):
                original(twin)
            self.gone.add(real)
            return None

        return remove

    def _wrap_remove_tree(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def rmtree(path: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(path)
            if twin is None:
                return original(path, *args, **kwargs)
            real = self.original(twin)
            lies = real if not self.has(twin) and self.sees(real) else twin
            is_folder = self.is_folder(lies)
            if lies == twin or not is_folder:  # if it is none, that is complained of
                original(lies, *args, **kwargs)
            self.gone |= {real} if is_folder else set()
            return None

        return rmtree

    def _wrap_move(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def move(source: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            here, there = self.twin(source), self.twin(target)
            if here is None or there is None:
                return original(source, target, *args, **kwargs)
            self.require(self.original(here), source)
            self.fetch(here)
            self.prepare(there, keeps=self.is_folder(here))  # no folder takes the place of a file
            if here != there and self.is_folder(there) and self.names(self.original(there)):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(target))
            original(here, there)
            self.gone.add(self.original(here))
            return None

        return move

    def _wrap_save(self, twin_of_save: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(twin_of_save)
        def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(f) if isinstance(f, str | os.PathLike) else None
            if twin is not None:
                self.prepare(twin, keeps=False)
            return twin_of_save(obj, f if twin is None else twin, *args, **kwargs)

        return save

    def _fence_safetensors(self, patches: Patches) -> None:
        """Once the script has loaded it: it writes from Rust, but makes its folder from Python before."""
        function = getattr(sys.modules.get("safetensors.torch"), "save_file", None)
        if isinstance(function, FunctionType):
            self._patches = None
            patches.swap(function, self._wrap_save_file)

    def _wrap_save_file(self, twin_of_save: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(twin_of_save)
        def save_file(tensors: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
            twin = self.twin(filename)
            if twin is not None:
                self.prepare(twin, keeps=False)
            return twin_of_save(tensors, filename if twin is None else twin, *args, **kwargs)

        return save_file


def caches() -> list[str]:
    """Folders of compilers and downloads, which other programs read as well."""
    named = (
        os.environ.get(name) for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "XDG_CACHE_HOME")
    )
    home = Path.home()
    compiled = Path(tempfile.gettempdir()) / f"torchinductor_{getpass.getuser()}"
    return [*filter(None, named), str(home / ".cache"), str(home / ".triton"), str(compiled)]
