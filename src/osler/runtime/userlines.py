"""Find the user's lines on the stack, fast: frames of torch, the standard library and Osler are skipped."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from types import CodeType, FrameType

from osler.model import Place, Site

DEPTH = 3
"""User lines kept per site: the line, its caller, and the caller's caller."""

LIBRARY, USER, TOP = 0, 1, 2
"""What a code object is: not the user's, the user's, the user's module level (nothing of interest lies above)."""

CELLS = ("<ipython-input", "<stdin>", "<doctest")
"""Beginnings of file names that stand for code typed by the user."""


class UserLines:
    """Turns frames into sites; equal sites are one object."""

    def __init__(self, own: tuple[str, ...] = ()) -> None:
        """Args: own: directories whose files are the user's even below ``site-packages``."""
        paths = sysconfig.get_paths()
        self._own = own
        self._library = tuple(
            {paths["stdlib"], paths["platstdlib"], str(Path(__file__).resolve().parents[1])}
        )
        self._kinds: dict[CodeType, int] = {}
        self._sites: dict[tuple[object, ...], Site] = {}

    def kind(self, code: CodeType) -> int:
        """Whose code this is."""
        known = self._kinds.get(code)
        if known is None:
            known = self._kinds[code] = self._classify(code)
        return known

    def site(self, frame: FrameType | None) -> Site:
        """The user's lines from this frame outwards, innermost first, at most three."""
        kinds = self._kinds
        key: list[object] = []
        while frame is not None:
            code = frame.f_code
            kind = kinds.get(code)
            if kind is None:
                kind = self.kind(code)
            if kind:
                key.append(code)
                key.append(frame.f_lineno)
                if kind == TOP or len(key) == 2 * DEPTH:
                    break
            frame = frame.f_back
        known = self._sites.get(tuple(key))
        return known if known is not None else self._new(tuple(key))

    def frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost user frame from this frame outwards."""
        while frame is not None and not self.kind(frame.f_code):
            frame = frame.f_back
        return frame

    def is_user_file(self, name: str) -> bool:
        """Whether a file is the user's."""
        if name.startswith(self._own) and self._own:
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

    def _new(self, key: tuple[object, ...]) -> Site:
        pairs = zip(key[::2], key[1::2], strict=True)
        site = tuple(
            Place(code.co_filename, line, code.co_name)
            for code, line in pairs
            if isinstance(code, CodeType) and isinstance(line, int)
        )
        self._sites[key] = site
        return site
