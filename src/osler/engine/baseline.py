"""A baseline: the findings that a project knows already and will mend later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from osler.errors import SettingsError
from osler.model import Finding

SCHEMA = "osler.baseline/1"
Fingerprint = Callable[[Finding], str]
"""Recognises a finding although lines were added above it."""


@dataclass(slots=True)
class Baseline:
    """Findings that are known, each as often as it was there.

    Attributes:
        fingerprint: how findings are recognised.
        left: how often each may still be met.
    """

    fingerprint: Fingerprint
    left: Counter[str] = field(default_factory=Counter[str])

    def knows(self, finding: Finding) -> bool:
        """Whether it was there before; each is recognised as often as it was there."""
        mark = self.fingerprint(finding)
        if not self.left[mark]:
            return False
        self.left[mark] -= 1
        return True

    @property
    def outdated(self) -> int:
        """How many findings are no longer there."""
        return self.left.total()


def open_baseline(file: Path, fingerprint: Fingerprint) -> Baseline:
    """Read a baseline.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        content: object = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(file, str(error)) from error
    known = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    if known.get("schema") != SCHEMA:
        raise unreadable(file, f"its `schema` is {known.get('schema')!r}, expected '{SCHEMA}'")
    entries = known.get("findings")
    marks = [mark_in(e) for e in cast("list[object]", entries)] if isinstance(entries, list) else [None]
    if None in marks:
        raise unreadable(file, "`findings` is no list of findings with a `fingerprint`")
    return Baseline(fingerprint, Counter(m for m in marks if m is not None))


def mark_in(entry: object) -> str | None:
    """The fingerprint of an entry."""
    mark = cast("dict[str, object]", entry).get("fingerprint") if isinstance(entry, dict) else None
    return mark if isinstance(mark, str) else None


def unreadable(file: Path, reason: str) -> SettingsError:
    """The error for a file that is no baseline."""
    return SettingsError(
        f"cannot read the baseline {file}: {reason}", fix="Write it again with `osler lint --add-baseline`."
    )


def written(findings: Iterable[Finding], fingerprint: Fingerprint, root: Path) -> str:
    """The file: one finding to a line, in order, so that a review shows what was added.

    Args:
        findings: what is there now.
        fingerprint: how findings are recognised.
        root: folder that the names of files begin from.
    """
    rows = sorted(json.dumps(entry(f, fingerprint, root)) for f in findings)
    inner = ",\n    ".join(rows)
    listed = f"\n    {inner}\n  " if rows else ""
    return f'{{\n  "schema": "{SCHEMA}",\n  "findings": [{listed}]\n}}\n'


def entry(finding: Finding, fingerprint: Fingerprint, root: Path) -> dict[str, str]:
    """One finding, without its line: that may move."""
    path = Path(finding.place.file)
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return {"file": file, "check": finding.check, "fingerprint": fingerprint(finding)}
