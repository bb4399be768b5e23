"""What reading source files gave, line by line."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from osler.model import Diagnosis, Finding, Group, Severity, Subject
from osler.report.frame import Frame
from osler.report.listing import Extent, render, statistics
from osler.report.summary import total
from osler.report.terminal import Page

CHECKED = ("training-in-eval-mode", "loss-not-finite", "graph-broken")


def read(*findings: Finding) -> Diagnosis:
    return Diagnosis(Subject(files=1), groups=tuple(Group(f) for f in findings), checked=CHECKED)


@pytest.fixture
def page(frame: Frame) -> Page:
    return Page(frame.root, frame.sources)


@pytest.fixture
def listed(page: Page) -> Callable[..., list[str]]:
    """The lines of a listing that are not indented: headlines, hints, remarks, the sum."""

    def lines(diagnosis: Diagnosis, extent: Extent | None = None) -> list[str]:
        text = render(diagnosis, page, extent or Extent())
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        return [line for line in text.splitlines() if line and not line.startswith(" ")]

    return lines


Lines = Callable[..., list[str]]


def in_files(number: int, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis of so many files."""
    return replace(diagnosis, subject=replace(diagnosis.subject, files=number))


def test_nothing_found_is_one_line(listed: Lines) -> None:
    assert listed(in_files(7, read())) == ["osler: no problem found in 7 files, 3 checks"]


def test_a_finding_is_told_with_its_line_and_cure(eval_mode: Finding, page: Page) -> None:
    text = render(in_files(1, read(eval_mode)), page, Extent())
    assert text.startswith("train.py:18  error  training-in-eval-mode\n")
    assert "> 18 |     model.eval()  # never undone\n" in text
    assert "  fix       Call `model.train()`" in text
    assert text.endswith("\n\nosler: 1 error in 1 file, 3 checks\n")


def test_findings_stand_as_they_do_in_the_files(eval_mode: Finding, nan_loss: Finding, listed: Lines) -> None:
    """A reader walks through a file from top to bottom, whatever is worst."""
    second = replace(eval_mode, place=replace(eval_mode.place, file="/a.py"))
    mild = replace(nan_loss, severity=Severity.WARNING)
    assert listed(read(eval_mode, second, mild)) == [
        "/a.py:18  error  training-in-eval-mode",
        "train.py:13  warning  loss-not-finite",
        "train.py:18  error  training-in-eval-mode",
        "osler: 2 errors, 1 warning in 1 file, 3 checks",
    ]


def test_hints_take_one_line_each_after_everything_else(
    hint: Finding, eval_mode: Finding, listed: Lines
) -> None:
    assert listed(read(hint, eval_mode)) == [
        "train.py:18  error  training-in-eval-mode",
        "train.py:10  hint  last-batch-small: the last batch holds 3 samples",
        "osler: 1 error, 1 hint in 1 file, 3 checks",
    ]


def test_what_is_acknowledged_is_neither_told_nor_counted(eval_mode: Finding, listed: Lines) -> None:
    intended = replace(eval_mode, suppressed=True)
    assert listed(read(intended)) == ["osler: no problem found in 1 file, 3 checks"]


def test_symptoms_are_told_under_their_cause_and_not_counted(
    eval_mode: Finding, nan_loss: Finding, page: Page
) -> None:
    text = render(in_files(1, Diagnosis(groups=(Group(eval_mode, (nan_loss,)),))), page, Extent())
    assert "explained by this; fix the cause first:" in text
    assert text.endswith("osler: 1 error in 1 file, 0 checks\n")


def test_what_was_not_read_and_what_acknowledges_nothing(page: Page, listed: Lines) -> None:
    inside = str(page.root / "old.py")
    extent = Extent(
        unread=((inside, 4, "invalid syntax"), (inside, 0, "it is no text")),
        unused=((inside, 9, "graph-broken"),),
    )
    assert listed(in_files(3, read()), extent) == [
        "old.py:9  unused: nothing here is graph-broken, remove the comment",
        "old.py:4  not read: invalid syntax",
        "old.py  not read: it is no text",
        "osler: no problem found in 3 files, 3 checks",
    ]


def test_no_file_and_no_comment_steers_a_terminal(hostile: Diagnosis, page: Page) -> None:
    trap = ("/x\x1b[31m\n.py", 1, "\x1b[2Jgone\r\nosler: no problem found")
    text = render(hostile, page, Extent((trap,), (trap,)))
    assert not {c for c in text if not c.isprintable()} - {"\n"}
    assert "\nosler: no problem found" not in text


@pytest.mark.parametrize(
    ("severities", "files", "text"),
    [
        ([], 0, "no problem found in 0 files, 3 checks"),
        ([Severity.HINT], 1, "1 hint in 1 file, 3 checks"),
        ([Severity.WARNING, Severity.HINT, Severity.WARNING], 2, "2 warnings, 1 hint in 2 files, 3 checks"),
        (
            [Severity.HINT, Severity.WARNING, Severity.ERROR],
            1,
            "1 error, 1 warning, 1 hint in 1 file, 3 checks",
        ),
    ],
)
def test_the_sum_names_the_worst_first(
    severities: list[Severity], files: int, text: str, eval_mode: Finding
) -> None:
    found = read(*(replace(eval_mode, severity=s) for s in severities))
    assert total(in_files(files, found)) == text


def test_statistics_count_symptoms_too_most_frequent_first(eval_mode: Finding, nan_loss: Finding) -> None:
    seen = Diagnosis(groups=(Group(nan_loss), Group(eval_mode, (nan_loss, nan_loss)), Group(eval_mode)))
    assert statistics(seen, {"a loop too deep": 12, "a class from outside": 3}) == (
        "     3  loss-not-finite\n"
        "     2  training-in-eval-mode\n"
        "     3  not followed: a class from outside\n"
        "    12  not followed: a loop too deep\n"
    )


def test_equally_frequent_ones_stand_by_name(eval_mode: Finding, nan_loss: Finding) -> None:
    assert statistics(read(eval_mode, nan_loss), {}).splitlines() == [
        "     1  loss-not-finite",
        "     1  training-in-eval-mode",
    ]


def test_without_findings_there_are_no_statistics() -> None:
    assert statistics(read(), {}) == ""
