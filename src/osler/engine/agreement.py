"""Bring together what the source says and what the run showed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from osler.engine.linting import NO_WISHES, Wishes, lint_sources, open_source
from osler.model import Check, Confidence, Finding, Place, Related, Severity
from osler.static.suppressions import Suppression, acknowledged, suppressions

FROM_CODE = "code"

READ_HERE = "reading the code finds the same at this line"
"""Label of the place that reading the source gave."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the program's source gave; kept with a recorded run.

    Attributes:
        findings: of the code detectors, those that a comment acknowledges marked.
        comments: ``# osler: ignore[name]`` in these files; they hold for the run as well.
    """

    findings: tuple[Finding, ...] = ()
    comments: tuple[Suppression, ...] = ()

    def about(self, names: Collection[str]) -> Reading:
        """The same without the findings of other checks."""
        return replace(self, findings=tuple(f for f in self.findings if f.check in names))


NOWHERE = ("", "")
"""In no function."""

UNREAD = Reading()
"""Nothing was read."""


def read_program(files: Iterable[Path], checks: Iterable[Check], wishes: Wishes = NO_WISHES) -> Reading:
    """Read the files that a program consists of.

    Args:
        files: paths.
        checks: what to look for.
        wishes: what the user does not want to hear of.
    """
    sources = [open_source(path) for path in files]
    verdict = lint_sources(sources, checks, wishes)
    return Reading(verdict.diagnosis.findings, tuple(suppressions(sources)))


def agreed(found: Iterable[Finding], reading: Reading, checked: Collection[str]) -> list[Finding]:
    """Findings of a run and of its source, each problem once.

    What both saw is more certain than either. What only the source shows is a hint if the run was asked the
    same question and saw nothing: the line may never have run.

    Args:
        found: by the run's detectors.
        reading: of the source.
        checked: checks whose run detector gave an answer that counts against the source.
    """
    left = list(reading.findings)
    together: list[Finding] = []
    seen = list(found)
    for finding in seen:
        twins = [f for f in left if f.check == finding.check and lines(f) & lines(finding)]
        twins = twins or lone_twin(finding, seen, left)
        left = [f for f in left if f not in twins]
        together.append(joined(finding, twins[0]) if twins else finding)
    together += (unconfirmed(f) if f.check in checked else f for f in left)
    return acknowledged(together, reading.comments)


def lone_twin(finding: Finding, seen: list[Finding], read: list[Finding]) -> list[Finding]:
    """What the source shows in the same function, if there is one such finding on either side."""
    rivals = [f for f in seen if f.check == finding.check]
    twins = [f for f in read if f.check == finding.check]
    alone = len(rivals) == len(twins) == 1
    return twins if alone and function_of(twins[0]) == function_of(finding) != NOWHERE else []


def function_of(finding: Finding) -> tuple[str, str]:
    """The file and the function in which a finding lies, the class left out; nothing at module level."""
    name = finding.place.function.rpartition(".")[2]
    return NOWHERE if name in {"", "<module>"} else (finding.place.file, name)


def confirmed(found: Iterable[Finding], by_experiment: Iterable[Finding]) -> list[Finding]:
    """Findings of a run and of the experiments before it, each problem once, in the words of the more severe.

    Args:
        found: by the run's detectors.
        by_experiment: by those of the setup.
    """
    left = list(by_experiment)
    together: list[Finding] = []
    for finding in found:
        twins = [f for f in left if f.check == finding.check and about_the_same(f, finding)]
        left = [f for f in left if f not in twins]
        surest = any(f.confidence is Confidence.CERTAIN for f in (finding, *twins))
        confidence = Confidence.CERTAIN if surest else finding.confidence
        graver = max((finding, *twins), key=lambda f: f.severity)
        seen_by = (*twins[0].seen_by, *finding.seen_by) if twins else finding.seen_by
        together.append(replace(graver, seen_by=seen_by, confidence=confidence))
    return together + left


def about_the_same(one: Finding, other: Finding) -> bool:
    """Whether two findings share a line, or one of them has none."""
    first, second = lines(one), lines(other)
    return not first or not second or bool(first & second)


def lines(finding: Finding) -> set[tuple[str, int]]:
    """Every line that takes part in a finding."""
    return {(p.file, p.line) for p in places(finding) if p.line}


def joined(seen: Finding, read: Finding) -> Finding:
    """The finding of the run with what the source adds."""
    place = read.place
    more = (
        ()
        if (place.file, place.line) in lines(seen)
        else (Related(Place(place.file, place.line), READ_HERE),)
    )
    return replace(
        seen,
        confidence=Confidence.CERTAIN,
        related=(*seen.related, *more),
        seen_by=(FROM_CODE, *seen.seen_by),
        suppressed=seen.suppressed or read.suppressed,
    )


def places(finding: Finding) -> Iterator[Place]:
    """All places of a finding."""
    yield finding.place
    yield from (r.place for r in finding.related)


def unconfirmed(finding: Finding) -> Finding:
    """What the run should have shown and did not."""
    return replace(finding, severity=Severity.HINT, confidence=Confidence.POSSIBLE)
