"""The diagnosis as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from osler.engine.catalogue import prose
from osler.model import (
    CALLED_HERE,
    Check,
    Diagnosis,
    Evidence,
    Finding,
    Group,
    Place,
    Related,
    Severity,
    Subject,
)
from osler.report import json
from osler.report.frame import Frame
from osler.report.summary import ending
from osler.report.wording import printable, relative

SUFFIX = ".sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}

Values = dict[str, object]


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """One log with one run."""
    return json.written({"$schema": SCHEMA, "version": "2.1.0", "runs": [run(diagnosis, frame)]}, frame)


def run(diagnosis: Diagnosis, frame: Frame) -> Values:
    """The tool, how its run went, and what it found."""
    names = list(dict.fromkeys(f.check for f in diagnosis.findings))
    driver = {
        "name": "Osler",
        "version": frame.version,
        "rules": [rule(name, frame) for name in names],
    }
    return {
        "tool": {"driver": driver},
        # Otherwise the findings of one command would replace those of another.
        "automationDetails": {"id": f"osler/{diagnosis.subject.command}/"},
        "invocations": [invocation(diagnosis)],
        "originalUriBaseIds": {ROOT: {"uri": f"file://{address(frame.root.as_posix())}/"}},
        "columnKind": "unicodeCodePoints",
        "results": [
            {"ruleIndex": names.index(f.check), **result(f, group, diagnosis, frame)}
            for group in diagnosis.groups
            for f in group.findings
        ],
    }


def rule(name: str, frame: Frame) -> Values:
    """One check with its page; of a check that is not in the catalogue only the name is known."""
    check = frame.checks.get(name)
    return {"id": printable(name), **(explained(check) if check else {})}


def explained(check: Check) -> Values:
    """What the catalogue says of a check."""
    page = f"{prose(check)}\n\n## Fix\n\n{check.fix}"
    return {
        "shortDescription": message(prose(check).partition("\n")[0] or check.name),
        "fullDescription": message(check.why),
        "help": {"text": page, "markdown": page},  # shown as it is: its braces belong to code
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {"tags": [check.topic]},
    }


def invocation(diagnosis: Diagnosis) -> Values:
    """How the run went: SARIF asks for the process, which ends as the script does."""
    subject = diagnosis.subject
    told: Values = {"executionSuccessful": not subject.exit_code and not diagnosis.failed}
    if subject.exit_code is not None:
        told["exitCode"] = subject.exit_code
    if cut := ending(subject):
        told["exitCodeDescription"] = cut
    told["toolExecutionNotifications"] = list(notifications(diagnosis))
    seen = diagnosis.coverage
    told["properties"] = {
        "script": printable(subject.script),
        "steps": subject.steps,
        "modulesSeen": seen.modules_seen,
        "modulesTotal": seen.modules_total,
    }
    return told


def notifications(diagnosis: Diagnosis) -> Iterator[Values]:
    """What could not be seen or answered, and why."""
    for sentence in diagnosis.coverage.blind:
        yield {"level": "warning", "message": message(f"not seen: {sentence}")}
    for sentence in diagnosis.cost.failures:
        yield {"level": "error", "message": message(sentence)}
    for level, reasons in (("error", diagnosis.failed), ("note", diagnosis.not_applicable)):
        for name, reason in reasons.items():
            text = f"{name} was not evaluated: {reason}"
            yield {"level": level, "message": message(text), "associatedRule": {"id": printable(name)}}


def result(finding: Finding, group: Group, diagnosis: Diagnosis, frame: Frame) -> Values:
    """One finding, a cause or a symptom of its group."""
    cause = None if finding is group.cause else printable(group.cause.check)
    told: Values = {
        "ruleId": printable(finding.check),
        "level": LEVELS[finding.severity],
        "message": advice(finding),
        "locations": [location(finding.place, frame, otherwise=script(diagnosis.subject))],
        "partialFingerprints": {"osler/v1": json.fingerprint(finding, frame)},
        "properties": {"explainedBy": cause, **properties(finding)},
    }
    if related := [r for r in finding.related if r.place.file]:
        told["relatedLocations"] = [labelled(r, n, frame) for n, r in enumerate(related)]
    if any(r.label == CALLED_HERE for r in related) or (related and "code" in finding.seen_by):
        told["codeFlows"] = [flow(finding, related, frame)]
    if finding.suppressed or group.cause.suppressed:
        told["suppressions"] = [{"kind": "external", "justification": "acknowledged as intended"}]
    return told


def script(subject: Subject) -> str:
    """The file that was run."""
    module = subject.script.removeprefix("-m ")
    return subject.script if module == subject.script else f"{module.replace('.', '/')}.py"


def advice(finding: Finding) -> Values:
    """What was seen comes first: viewers that lack room show the first sentence only."""
    rows = {"": finding.message, "Expected: ": finding.expected, "Why: ": finding.why, "Fix: ": finding.fix}
    return {"text": "\n".join(plain(f"{label}{text}") for label, text in rows.items() if text)}


def location(place: Place, frame: Frame, *, otherwise: str = "") -> Values:
    """A place; without a file, the whole script: GitHub refuses a log with a result that has no file."""
    told: Values = {}
    if file := place.file or otherwise:
        told["physicalLocation"] = physical(file, place if place.file else Place(), frame)
    logical: list[Values] = []
    if place.function:
        logical.append({"name": printable(place.function), "kind": "function"})
    if place.subject:
        logical.append({"fullyQualifiedName": printable(place.subject), "kind": "member"})
    if logical:
        told["logicalLocations"] = logical
    return told


def physical(file: str, place: Place, frame: Frame) -> Values:
    """File and line, with the columns if the source was read: running a program does not tell them."""
    told: Values = {"artifactLocation": artifact(file, frame.root)}
    if place.line:
        told["region"] = {"startLine": place.line, **columns(place)}
    return told


def columns(place: Place) -> Values:
    """The part of the line; a cell's columns are those of no line in its file."""
    if place.span is None or place.cell is not None:
        return {}
    return {
        "startColumn": place.span.column,
        "endLine": place.span.end_line,
        "endColumn": place.span.end_column,
    }


def artifact(file: str, root: Path) -> Values:
    """A file below the root by its relative address, so that the log can be read on another machine."""
    short = Path(relative(file, root))
    if short.is_absolute():
        return {"uri": f"file://{address(short.as_posix())}"}
    return {"uri": address(short.as_posix()), "uriBaseId": ROOT}


def address(path: str) -> str:
    """A path with everything escaped that has a meaning in a URI."""
    if not Path(path).is_absolute():
        return quote(path, errors="surrogatepass")
    escaped = quote(path, safe="/:", errors="surrogatepass")
    return escaped if escaped.startswith("/") else f"/{escaped}"  # before the letter of a drive


def labelled(other: Related, number: int, frame: Frame) -> Values:
    """One place that takes part."""
    return {"id": number, "message": message(other.label), **location(other.place, frame)}


def flow(finding: Finding, related: list[Related], frame: Frame) -> Values:
    """The way to the place: from the outermost caller inwards, then what takes part, where it was read."""
    callers = [r for r in related if r.label == CALLED_HERE]
    others = [r for r in related if r.label != CALLED_HERE and "code" in finding.seen_by]
    way = [(r.place, r.label) for r in (*reversed(callers), *others)] + [(finding.place, finding.message)]
    stations = [{"location": {**location(p, frame), "message": message(text)}} for p, text in way]
    return {"threadFlows": [{"locations": stations}]}


def properties(finding: Finding) -> Values:
    """What SARIF has no field for."""
    place = finding.place
    return {
        "confidence": finding.confidence.value,
        "seenBy": list(finding.seen_by),
        "step": place.step,
        "rank": place.rank,
        "cell": place.cell and printable(place.cell),
        "evidence": [measured(e) for e in finding.evidence],
    }


def measured(item: Evidence) -> Values:
    """One number as in the JSON report, its texts made harmless."""
    return {k: printable(v) if isinstance(v, str) else v for k, v in json.evidence(item).items()}


def message(text: str) -> Values:
    """A text that viewers show as it is."""
    return {"text": plain(text)}


def plain(text: str) -> str:
    """On one line; `[a](b)` would become a link and `{0}` an argument, so braces are doubled."""
    return printable(text).replace("](", "] (").replace("{", "{{").replace("}", "}}")
