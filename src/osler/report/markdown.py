"""The diagnosis as Markdown, for the comment on a pull request or the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from osler.model import Confidence, Diagnosis, Evidence, Group, Severity, counted
from osler.report.frame import Frame
from osler.report.source import Excerpt, excerpts
from osler.report.summary import opening, script, summary
from osler.report.terminal import Page, advice, cropped
from osler.report.wording import in_one_line, number, printable, relative, where

SUFFIX = ".md"

LONGEST = 60_000
"""Characters after which only a count follows: GitHub refuses comments above 65 536."""

WIDEST = 100
"""Columns of a source line; longer ones are cut."""

QUOTED = re.compile(r"`([^`]+)`")
ACTIVE = re.compile(r"[\\`*\[\]<>~$&#]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that have a meaning in Markdown within a line, or in GitHub's; `_` has none inside a word."""

LINKED = re.compile(r"@\w|#\d|\bGH-\d|://|www\.")
"""What GitHub makes a link of: people, issues, addresses."""

AS_IT_IS = re.compile(r"[^`|\\]*[^`|\\\s]")


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """The whole report; nothing a user's name or message contains becomes Markdown."""
    written = ""
    blocks = list(parts(diagnosis, frame))
    for shown, block in enumerate(blocks):
        if len(written) + len(block) > LONGEST:
            return f"{written}{counted(len(blocks) - shown, 'more part')}: see another `--format`.\n"
        written += f"{block}\n\n"
    return written.rstrip("\n") + "\n"


def parts(diagnosis: Diagnosis, frame: Frame) -> Iterator[str]:
    """From top to bottom: the verdict, the headlines, the hints, what was looked at."""
    yield f"## Osler: {code(script(diagnosis.subject))}"
    yield from map(said, opening(diagnosis))
    groups = [g for g in diagnosis.groups if not g.cause.suppressed]
    for group in groups:
        if group.cause.severity > Severity.HINT:
            yield headline(group, frame)
    hints = [g.cause for g in groups if g.cause.severity is Severity.HINT]
    if hints:
        yield bullets(("hint", in_one_line(f, frame.root)) for f in hints)
    yield from map(said, summary(diagnosis))


def said(sentence: str) -> str:
    """A paragraph; it begins with our name, or a script called `1. x` would begin a list."""
    return f"**osler:** {text(sentence)}"


def headline(group: Group, frame: Frame) -> str:
    """One cause with everything a reader needs to mend it."""
    finding, page = group.cause, Page(frame.root, frame.sources)
    sure = "" if finding.confidence is Confidence.CERTAIN else f" ({finding.confidence.value})"
    title = f"{finding.severity.label.capitalize()}: {code(printable(finding.check))}"
    blocks = [f"### {title} at {code(where(finding.place, frame.root))}{sure}"]
    blocks += [fenced(e, frame) for e in excerpts(finding, frame.sources)]
    explained = [("explains", in_one_line(symptom, frame.root)) for symptom in group.symptoms]
    blocks.append(bullets([*advice(finding, page), *explained]))
    if finding.evidence:
        blocks.append(table(finding.evidence))
    blocks.append(f"More: {code(f'osler explain {printable(finding.check)}')}")
    return "\n\n".join(blocks)


def bullets(rows: Iterable[tuple[str, str]]) -> str:
    """Labels with their texts."""
    return "\n".join(f"- **{label}:** {text(words)}" for label, words in rows if words)


def fenced(excerpt: Excerpt, frame: Frame) -> str:
    """Source lines, the guilty one marked, between fences longer than any inside."""
    margin = len(str(excerpt.lines[-1].number))
    rows = [printable(relative(excerpt.file, frame.root))]
    for line in excerpt.lines:
        source = cropped(printable(line.text.rstrip()), WIDEST)
        label = f"  <- {printable(line.label)}" if line.label else ""
        rows.append(f"{'>' if line.guilty else ' '} {line.number:{margin}} | {source}{label}".rstrip())
    body = "\n".join(rows)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}text\n{body}\n{fence}"


def table(evidence: Iterable[Evidence]) -> str:
    """The numbers."""
    rows = ["| number | value | unit | expected | step |", "|---|---:|---|---|---:|"]
    for item in evidence:
        cells = (item.measure, number(item.value), item.unit, item.expected)
        step = "" if item.step is None else str(item.step)
        rows.append(f"| {' | '.join(text(printable(c)) for c in cells)} | {step} |")
    return "\n".join(rows)


def text(words: str) -> str:
    """One printable line as Markdown that shows exactly this; what stands between backticks is code."""
    pieces = QUOTED.split(words)
    return "".join(code(piece) if n % 2 else unlinked(piece) for n, piece in enumerate(pieces))


def unlinked(words: str) -> str:
    """Text in which nothing becomes a link: GitHub leaves code alone."""
    return " ".join(code(word) if LINKED.search(word) else escaped(word) for word in words.split(" "))


def code(words: str) -> str:
    """One printable line in the type of code, wherever it stands."""
    if AS_IT_IS.fullmatch(words) and not words[0].isspace():
        return f"`{words}`"
    inert = escaped(words).replace("://", ":&#47;/").replace("www.", "www&#46;").replace("@", "&#64;")
    return f"<code>{inert}</code>"


def escaped(words: str) -> str:
    """Text without any meaning in Markdown, even between the bars of a table."""
    return ACTIVE.sub(r"\\\g<0>", words).replace("|", "&#124;")
