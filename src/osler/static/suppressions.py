"""Comments that acknowledge a finding: ``# osler: ignore[name] reason``."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from osler.model import Finding
from osler.static.sources import Source

COMMENT = re.compile(r"#\s*osler:\s*ignore\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One name in one comment.

    Attributes:
        file: path.
        line: of the comment.
        name: the check it acknowledges.
    """

    file: str
    line: int
    name: str


def suppressions(sources: Iterable[Source]) -> list[Suppression]:
    """Every acknowledgement in these files."""
    return [s for source in sources if "osler" in source.text for s in _in_file(source)]


def _in_file(source: Source) -> Iterator[Suppression]:
    if not COMMENT.search(source.text):
        return
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        found = COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
        for name in found[1].split(",") if found else ():
            yield Suppression(source.file, token.start[0], name.strip())


def acknowledged(findings: Iterable[Finding], known: Iterable[Suppression]) -> list[Finding]:
    """The findings, marked where a comment on their line, or on a line that takes part, names them."""
    by_line = {(s.file, s.line, s.name) for s in known}
    return [replace(f, suppressed=True) if lines_of(f) & by_line else f for f in findings]


def unused(findings: Iterable[Finding], known: Iterable[Suppression]) -> list[Suppression]:
    """Acknowledgements of what is not there."""
    used = {line for f in findings for line in lines_of(f)}
    return [s for s in known if (s.file, s.line, s.name) not in used]


def lines_of(finding: Finding) -> set[tuple[str, int, str]]:
    """Where a comment can acknowledge a finding."""
    return {(finding.place.file, finding.place.line, finding.check)}
