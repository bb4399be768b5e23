"""Find the user's lines on the stack, fast: frames of torch, the standard library and Osler are skipped."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

from osler.model import Place, Site

DEPTH = 3
"""User lines kept per site: the line, its caller, and the caller's caller."""

LIBRARY, USER, TOP = 0, 1, 2
"""What a code object is: not the user's, the user's, or the user's module level, above which nothing lies."""

CELLS = ("<ipython-input", "<stdin>", "<doctest")
"""Beginnings of file names that stand for code typed by the user."""


class UserLines:
    """Turns frames into sites; equal sites are one object."""

    def __init__(self, own: tuple[str, ...] = ()) -> None:
        """Args: own: directories whose files are the user's even below ``site-packages``."""
        paths = sysconfig.get_paths()
        self._own = tuple(map(inside, own))
        package = str(Path(__file__).resolve().parents[1])
        self._library = tuple(map(inside, (paths["stdlib"], paths["platstdlib"], package)))
        self._kinds: dict[int, int] = {}
        self._pinned: dict[int, CodeType] = {}
        self._sites: dict[tuple[int, ...], Site] = {}
        self._same: dict[Site, Site] = {}

    def kind(self, code: CodeType) -> int:
        """Whose code this is. Looked up by identity: hashing a code object reads all of it."""
        known = self._kinds.get(id(code))
        if known is None:
            known = self._kinds[id(code)] = self._classify(code)
            self._pinned[id(code)] = code
        return known

    def site(self, frame: FrameType | None) -> Site:
        """The user's lines from this frame outwards, innermost first, at most three.

        Frames are told apart by instruction: finding the line of one means reading its table from the start.
        """
        kinds = self._kinds
        key: list[int] = []
        while frame is not None:
            code = frame.f_code
            kind = kinds.get(id(code))
            if kind is None:
                kind = self.kind(code)
            if kind:
                key += (id(code), frame.f_lasti)
                if kind == TOP or len(key) == 2 * DEPTH:
                    break
            frame = frame.f_back
        whole = tuple(key)
        known = self._sites.get(whole)
        return known if known is not None else self._new(whole)

    def frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost user frame from this frame outwards."""
        while frame is not None and not self.kind(frame.f_code):
            frame = frame.f_back
        return frame

    def definition(self, function: object) -> Site:
        """Where a function of the user's begins; empty if it is not the user's."""
        code = getattr(function, "__code__", None)
        if code is None or not self.kind(code):
            return ()
        return (Place(code.co_filename, code.co_firstlineno, code.co_name),)

    def files(self) -> set[str]:
        """The user's files whose code was met."""
        return {code.co_filename for code in self._pinned.values() if self._kinds[id(code)]}

    def is_user_file(self, name: str) -> bool:
        """Whether a file is the user's."""
        if name.startswith(self._own):
            return True
        if name.startswith("<"):
            return name.startswith(CELLS)
        if "site-packages" in name or "dist-packages" in name:
            return False
        return not name.startswith(self._library)

    def _classify(self, code: CodeType) -> int:
        if not self.is_user_file(code.co_filename):
            return LIBRARY
        return TOP if code.co_name == "<module>" else USER

    def _new(self, key: tuple[int, ...]) -> Site:
        pairs = zip(key[::2], key[1::2], strict=True)
        codes = ((self._pinned[identity], instruction) for identity, instruction in pairs)
        lines = tuple(Place(code.co_filename, line_of(code, at), code.co_name) for code, at in codes)
        site = self._same.setdefault(lines, lines)
        self._sites[key] = site
        return site


def inside(directory: str) -> str:
    """How the names of the files in a directory begin; those beside it may begin with its bare name."""
    return directory.rstrip(os.sep) + os.sep


def line_of(code: CodeType, instruction: int) -> int:
    """The line of an instruction, 0 if it has none."""
    for start, end, line in code.co_lines():
        if start <= instruction < end:
            return line or 0
    return 0
