"""The report as a text file: what a terminal shows, without its colours."""

from dataclasses import replace

import pytest

from osler.model import Diagnosis
from osler.report import terminal, text
from osler.report.frame import Frame
from osler.report.terminal import Page

CASES = ["sick", "healthy", "crash", "intended", "hostile"]


@pytest.mark.parametrize("case", CASES)
def test_a_file_says_what_a_terminal_says(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    assert text.render(cases[case], frame) == terminal.render(cases[case], Page(frame.root, frame.sources))


@pytest.mark.parametrize("case", CASES)
def test_it_is_plain_text_with_one_last_newline(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    written = text.render(cases[case], frame)
    assert "\x1b" not in written
    assert written.endswith("\n")
    assert not written.endswith("\n\n")


def test_the_colours_of_a_terminal_are_not_asked_for(
    cases: dict[str, Diagnosis], frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = text.render(cases["sick"], frame)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "40"}.items():
        monkeypatch.setenv(name, value)
    assert text.render(cases["sick"], frame) == plain


def test_few_lines_are_no_wish_of_a_file(cases: dict[str, Diagnosis], frame: Frame) -> None:
    assert text.render(cases["sick"], replace(frame, compact=True)) == text.render(cases["sick"], frame)
