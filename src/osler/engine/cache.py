"""Remember between two calls of `osler lint` what reading a part of a tree gave."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from osler.engine.reading import Part, Result
from osler.model import Check
from osler.store.codec import Damaged, decode, encode

FILE = Path(".osler", "cache", "lint.json")

MOST = 20_000
"""Parts that are remembered; the longest unused are forgotten first."""

DIGEST = 16
"""Bytes of a key: at 20 000 parts the odds that two share one are below 1 in 10^29."""

OWN = ("checks", "engine", "model", "static")
"""Packages of ours that what is found depends on."""


@dataclass(slots=True)
class Cache:
    """What is remembered; a file that is damaged, or that another Osler wrote, is as good as none.

    It is plain JSON: reading one that came with somebody's repository runs nothing.

    Attributes:
        path: of the file.
        stamp: of this Osler and this Python; another one may find something else.
        entries: plain values by key, the longest unused first.
        is_changed: it must be written.
    """

    path: Path
    stamp: str
    entries: dict[str, object] = field(default_factory=dict[str, object])
    is_changed: bool = False

    def recall(self, part: Part, checks: Sequence[Check]) -> Result | None:
        """What reading the part gave, if nothing that it depends on has changed."""
        key = self.key(part, checks)
        if key not in self.entries:
            return None
        entry = self.entries.pop(key)
        try:
            result = decode(Result, entry)
        except Damaged:
            return None
        self.entries[key] = entry
        return result

    def keep(self, part: Part, checks: Sequence[Check], result: Result) -> None:
        """Remember what reading the part gave, if it comes back as it was."""
        entry: object = json.loads(json.dumps(encode(result)))
        if decode(Result, entry) == result:
            self.entries[self.key(part, checks)] = entry
            self.is_changed = True

    def key(self, part: Part, checks: Sequence[Check]) -> str:
        """Stands for the paths and the text of all files of the part, and for what is looked for."""
        digest = hashlib.blake2b(self.stamp.encode(), digest_size=DIGEST)
        if part.is_concerned:
            digest.update("\0".join(sorted(c.name for c in checks)).encode())
        for source in part.sources:
            for text in (source.file, source.text, source.problem):
                data = text.encode("utf-8", "surrogatepass")
                digest.update(b"%d:" % len(data))
                digest.update(data)
        return digest.hexdigest()

    def save(self) -> None:
        """Write the file if anything is new; a folder that cannot be written has no cache."""
        if not self.is_changed:
            return
        kept = dict(list(self.entries.items())[-MOST:])
        other = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            ignore = self.path.parents[1] / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", "ascii")
            other.write_text(json.dumps({"stamp": self.stamp, "parts": kept}), "utf-8")
            other.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                other.unlink()


def open_cache(root: Path, version: str) -> Cache:
    """The cache of a folder, empty if there is none that this version of Osler can use."""
    path, stamp = root / FILE, stamp_of(version)
    try:
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Cache(path, stamp)
    known = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    parts = known.get("parts")
    if known.get("stamp") != stamp or not isinstance(parts, dict):
        return Cache(path, stamp)
    return Cache(path, stamp, cast("dict[str, object]", parts))


def stamp_of(version: str) -> str:
    """Changes with the version of Osler, with every file of ours that matters, and with Python's grammar."""
    digest = hashlib.blake2b(f"{version} {sys.version}".encode(), digest_size=DIGEST)
    home = Path(__file__).parents[1]
    for package in OWN:
        for folder, folders, names in os.walk(home / package):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                found = Path(folder, name).stat()
                digest.update(f"{name} {found.st_mtime_ns} {found.st_size}\0".encode())
    return digest.hexdigest()
