"""A check is one problem: its name, its advice, and the ways to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from osler.model.code import Code
from osler.model.edit import Edit, Pages
from osler.model.event import Kind, Site
from osler.model.evidence import Run
from osler.model.finding import Confidence, Evidence, Finding, Place, Related, Severity
from osler.model.setup import Setup

CALLED_HERE = "called here"
"""Label of a related place that called the function in which the place lies."""

CodeDetector = Callable[[Code], Iterator[Finding]]
RunDetector = Callable[[Run], Iterator[Finding]]
SetupDetector = Callable[[Setup], Iterator[Finding]]
CodeFix = Callable[[Finding, Pages], Iterator[list[Edit]]]
"""Gives the edits that may mend a finding, the best first; an empty list is none."""
Applicability = Callable[[Run], str]


def always_refutes(run: Run) -> bool:
    """The silence of any run to which the check applies counts against what the source shows."""
    del run
    return True


def always_applies(run: Run) -> str:
    """The default: every run can show this problem."""
    return "" if run.turns or run.crash else "no training was seen"


def needs_step(run: Run) -> str:
    """For checks of what an optimizer, or a hand, does with the gradients."""
    return "" if run.steps else "no optimizer step was seen"


def needs_optimizer(run: Run) -> str:
    """For checks of what the optimizers hold."""
    return "" if run.optimizers else "no optimizer was built"


def needs_clipping(run: Run) -> str:
    """For checks of `clip_grad_norm_` and `clip_grad_value_`."""
    return "" if run.of(Kind.CLIP) else "gradients are not clipped"


def needs_schedule(run: Run) -> str:
    """For checks of learning-rate schedules."""
    return "" if run.of(Kind.SCHEDULE) or run.schedules else "no schedule was built"


def needs_model(run: Run) -> str:
    """For checks of `train()` and `eval()`: one without layers that heed them is an answer, too."""
    return "" if run.of(Kind.FORWARD) else "no model was called"


def needs_loss(function: str) -> Applicability:
    """For checks of the input of one loss function."""
    return lambda run: "" if run.inputs_of(function) else f"{function} was not called"


def needs_call(*functions: str) -> Applicability:
    """For checks of the arguments of some loss functions."""
    return lambda run: "" if run.calls_of(*functions) else f"{functions[0]} was not called"


@dataclass(slots=True)
class Check:
    """One entry of the catalogue. A check module defines exactly one, named ``check``.

    Args:
        module: the module's ``__name__``; the check is named after its last part.
        severity: the highest severity a finding of this check may have.
        expected: what a healthy program does, one clause.
        why: what the problem does to training, one sentence.
        fix: what to do, one imperative sentence.
        symptoms: names of checks whose findings this problem explains.
    """

    module: str
    severity: Severity
    expected: str
    why: str
    fix: str
    symptoms: tuple[str, ...] = ()
    code_detector: CodeDetector | None = field(default=None, init=False)
    by_absence: bool = field(default=False, init=False)
    run_detector: RunDetector | None = field(default=None, init=False)
    code_fix: CodeFix | None = field(default=None, init=False)
    is_safe_to_fix: bool = field(default=False, init=False)
    setup_detector: SetupDetector | None = field(default=None, init=False)
    applies: Applicability = field(default=always_applies, init=False)
    refutes: Callable[[Run], bool] = field(default=always_refutes, init=False)

    @property
    def name(self) -> str:
        """The one name: of the file, the page, the suppression comment and the finding."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def topic(self) -> str:
        """The folder the check lives in."""
        return self.module.split(".")[-2]

    def in_code(self, detect: CodeDetector) -> CodeDetector:
        """Register the detector that reads source code."""
        self.code_detector = detect
        return detect

    def in_code_by_absence(self, detect: CodeDetector) -> CodeDetector:
        """Register a code detector that misses something: it hints where the order of lines is a guess."""
        self.by_absence = True
        return self.in_code(detect)

    def in_run(self, detect: RunDetector) -> RunDetector:
        """Register the detector that reads a run, live or stored."""
        self.run_detector = detect
        return detect

    def mends(self, fix: CodeFix) -> CodeFix:
        """Register how the source is mended, where one edit is certain to be right; training changes."""
        self.code_fix = fix
        return fix

    def mends_safely(self, fix: CodeFix) -> CodeFix:
        """The same for a fix that changes no number of the training."""
        self.is_safe_to_fix = True
        return self.mends(fix)

    def in_setup(self, detect: SetupDetector) -> SetupDetector:
        """Register the detector that reads what the experiments of a pre-flight have shown."""
        self.setup_detector = detect
        return detect

    def applies_when(self, reason: Applicability) -> Applicability:
        """Register a function that says why a run cannot show this problem; empty text if it can."""
        self.applies = reason
        return reason

    def refutes_when(self, holds: Callable[[Run], bool]) -> Callable[[Run], bool]:
        """Register which runs would have shown this problem: where these see nothing, the source may err."""
        self.refutes = holds
        return holds

    def finding(  # noqa: PLR0913
        self,
        site: Site,
        message: str,
        *,
        step: int | None = None,
        subject: str = "",
        related: Iterable[tuple[Site, str]] = (),
        evidence: Iterable[Evidence] = (),
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        expected: str = "",
        fix: str = "",
    ) -> Finding:
        """A finding of this check; what is left out is taken from the check.

        Args:
            site: user lines of the problem; the innermost is the place, the callers become related places.
            message: what was seen, with numbers.
            step: optimizer steps finished when it was seen.
            subject: module, parameter or optimizer concerned.
            related: other sites that take part, with what happens there.
            evidence: the numbers.
            severity: lower than the check's own where the effect is small.
            confidence: how sure the detector is.
            expected: replaces the check's own clause.
            fix: replaces the check's own advice.
        """
        first = site[0] if site else Place()
        place = Place(first.file, first.line, first.function, step, subject, span=first.span)
        others = [Related(s[0], label) for s, label in related if s]
        callers = [Related(p, CALLED_HERE) for p in site[1:]]
        return Finding(
            check=self.name,
            place=place,
            message=message,
            expected=expected or self.expected,
            why=self.why,
            fix=fix or self.fix,
            severity=min(severity or self.severity, self.severity),
            confidence=confidence,
            related=distinct(place, [*others, *callers]),
            evidence=tuple(evidence),
        )


def distinct(place: Place, related: Iterable[Related]) -> tuple[Related, ...]:
    """Related places in order, without the place itself and without repeats."""
    seen = {(place.file, place.line)}
    kept: list[Related] = []
    for other in related:
        key = (other.place.file, other.place.line)
        if key not in seen and other.place.line:
            seen.add(key)
            kept.append(other)
    return tuple(kept)
