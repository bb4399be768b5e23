"""Comments that acknowledge a finding: ``# osler: ignore[name] reason``."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from osler.model import Finding
from osler.static.sources import Source

SPACES = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})
"""Tokens with which no statement begins."""

COMMENT = re.compile(r"#\s*osler:\s*ignore\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One name in one comment.

    Attributes:
        file: path.
        line: of the comment.
        name: the check it acknowledges.
        statement: first and last line of the statement that it belongs to; none if no statement follows.
    """

    file: str
    line: int
    name: str
    statement: tuple[int, int] = (0, -1)

    def names(self, finding: Finding) -> bool:
        """The finding is of this check and file."""
        return (finding.place.file, finding.check) == (self.file, self.name)

    def covers(self, finding: Finding) -> bool:
        """The finding lies in the statement."""
        return self.names(finding) and self.statement[0] <= finding.place.line <= self.statement[1]


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
    for comment, first, last in _with_statements(tokens):
        found = COMMENT.search(comment.string)
        for name in found[1].split(",") if found else ():
            yield Suppression(source.file, comment.start[0], name.strip(), (first, last))


def _with_statements(tokens: Iterable[tokenize.TokenInfo]) -> Iterator[tuple[tokenize.TokenInfo, int, int]]:
    """Comments with the lines of the statement they stand in, behind or directly above; a head is one."""
    comments: list[tokenize.TokenInfo] = []
    first = 0
    for token in tokens:
        if not first and comments and token.start[0] > comments[-1].start[0] + 1:
            yield from ((c, c.start[0], c.start[0]) for c in comments)  # a blank line lies between
            comments = []
        if token.type == tokenize.COMMENT:
            comments.append(token)
        elif token.type == tokenize.NEWLINE:
            yield from ((c, first, token.start[0]) for c in comments)
            comments, first = [], 0
        elif token.type not in SPACES and not first:
            first = token.start[0]
    yield from ((c, c.start[0], c.start[0]) for c in comments)


def acknowledged(findings: Iterable[Finding], known: Iterable[Suppression]) -> list[Finding]:
    """The findings, marked where a comment in their statement, or right above it, names them."""
    every, comments = list(findings), list(known)
    meant = {id(f) for s in comments for f in _meant(s, every)}
    return [replace(f, suppressed=True) if id(f) in meant else f for f in every]


def unused(findings: Iterable[Finding], known: Iterable[Suppression]) -> list[Suppression]:
    """Acknowledgements of what is not there."""
    every = list(findings)
    return [s for s in known if not _meant(s, every)]


def _meant(comment: Suppression, findings: Iterable[Finding]) -> list[Finding]:
    """What a comment acknowledges: findings on its very line, or else those in its statement."""
    named = [f for f in findings if comment.names(f)]
    exact = [f for f in named if f.place.line == comment.line]
    return exact or [f for f in named if comment.covers(f)]
