"""Mend the source: each edit is kept only if reading the edited files again shows that it helped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from osler.engine.reading import Part, Result, read_part
from osler.model import Check, Edit, Finding, Page, Pages
from osler.static.edits import applied, page_of
from osler.static.sources import decoded, encoded, parsed

MOST = 100
"""Edits tried on one part of the tree: each costs reading the part again."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What mending gave.

    Attributes:
        before: the text of each file that changes, as it was read.
        texts: the new text of each file that changes, with ``\\n`` at the end of every line.
        fixed: how many findings of each check are gone.
        unsafe: how many more of each check there is an edit for, which changes what training does.
    """

    before: dict[str, str] = field(default_factory=dict[str, str])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    fixed: Counter[str] = field(default_factory=Counter[str])
    unsafe: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True)
class Doctor:
    """Whoever mends: what is looked for, what may be edited.

    Attributes:
        checks: by name.
        passed_over: check, file and source line of the findings that the user wants left alone.
        unsafe: edits that change what training does are made too.
    """

    checks: Mapping[str, Check]
    passed_over: frozenset[tuple[str, str, str]]
    unsafe: bool

    def may_mend(self, finding: Finding, pages: Pages) -> bool:
        """Whether the finding may be edited away."""
        page = pages.get(finding.place.file)
        check = self.checks[finding.check]
        if page is None or not check.code_fix or not (self.unsafe or check.is_safe_to_fix):
            return False
        return (finding.check, page.file, line_of(page, finding.place.line)) not in self.passed_over


def mend(
    parts: Iterable[Part], checks: Sequence[Check], findings: Sequence[Finding], *, unsafe: bool
) -> Mended:
    """Edit findings away.

    Args:
        parts: the files, as they are.
        checks: what to look for.
        findings: what reading the files gave; those that are acknowledged are left alone.
        unsafe: make the edits, too, that change what training does.
    """
    by_name = {c.name: c for c in checks}
    done = Mended()
    told = [f for f in findings if not f.suppressed]
    fixable = {f.place.file for f in told if by_name[f.check].code_fix}
    for part in parts:
        if not fixable & {s.file for s in part.sources}:
            continue
        pages = pages_of(part)
        hidden = frozenset(
            (f.check, f.place.file, line_of(pages[f.place.file], f.place.line))
            for f in findings
            if f.suppressed and f.place.file in pages
        )
        doctor = Doctor(by_name, hidden, unsafe)
        healed, fixed = mended(part, doctor)
        before = {s.file: s.text for s in part.sources}
        changed = {s.file: s.text for s in healed.sources if s.text != before[s.file]}
        done.texts.update(changed)
        done.before.update({file: before[file] for file in changed})
        done.fixed.update(fixed)
        if not unsafe:
            done.unsafe.update(mended(healed, replace(doctor, unsafe=True))[1])
    return done


def mended(part: Part, doctor: Doctor) -> tuple[Part, Counter[str]]:
    """The part with every edit that helps, and how often each check was silenced."""
    checks = list(doctor.checks.values())
    result, fixed, tried = read_part(part, checks), Counter[str](), set[tuple[Edit, ...]]()
    while (found := next_edits(part, result, doctor, tried)) is not None and len(tried) <= MOST:
        finding, edits = found
        tried.add(tuple(edits))
        after = edited(part, edits)
        outcome = read_part(after, checks)
        if is_better(result, outcome, finding):
            part, result = after, outcome
            fixed[finding.check] += 1
    return part, fixed


def next_edits(
    part: Part, result: Result, doctor: Doctor, tried: set[tuple[Edit, ...]]
) -> tuple[Finding, list[Edit]] | None:
    """The first finding with an edit that has not been tried, last lines first: the others stay."""
    pages = pages_of(part)
    for finding in sorted(result.findings, key=lambda f: (f.place.file, -f.place.line, f.check)):
        fix = doctor.checks[finding.check].code_fix
        if fix is None or not doctor.may_mend(finding, pages):
            continue
        for edits in fix(finding, pages):
            if edits and tuple(edits) not in tried:
                return finding, edits
    return None


def is_better(before: Result, after: Result, finding: Finding) -> bool:
    """The finding is gone, and no other has come."""
    then, now = Counter(f.check for f in before.findings), Counter(f.check for f in after.findings)
    is_gone = now[finding.check] < then[finding.check]
    return is_gone and not (now - then) and len(after.unread) <= len(before.unread)


def edited(part: Part, edits: Sequence[Edit]) -> Part:
    """The part after some edits."""
    by_file = {s.file: [e for e in edits if e.file == s.file] for s in part.sources}
    sources = (replace(s, text=applied(s.text, by_file[s.file])) for s in part.sources)
    return replace(part, sources=tuple(sources))


def pages_of(part: Part) -> dict[str, Page]:
    """The files of a part that can be edited, by path."""
    pages = (page_of(parsed(replace(source))) for source in part.sources)
    return {page.file: page for page in pages if page is not None}


def line_of(page: Page, line: int) -> str:
    """A line of the source, stripped."""
    return page.text[page.starts[line - 1] : page.starts[line]].strip() if 0 < line < len(page.starts) else ""


def write(file: Path, before: str, after: str) -> str:
    """Write a mended file in its encoding and with its line ends.

    Args:
        file: path.
        before: its text when it was read.
        after: its new text.

    Returns:
        Why it was not written, empty if it was.
    """
    try:
        data = file.read_bytes()
        if decoded(file, data).text != before:
            return "it was changed meanwhile"
        new = encoded(data, after)
        if new is None:
            return "its line ends are mixed"
        file.write_bytes(new)
    except (OSError, UnicodeEncodeError) as error:
        return error.strerror or "" if isinstance(error, OSError) else "its encoding lacks a character"
    return ""
