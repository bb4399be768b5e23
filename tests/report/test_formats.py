"""What holds for every format, found by walking the package like the formats themselves."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.model import Diagnosis, Finding, Group, Place, Severity, Subject
from osler.report.formats import formats, suffixes
from osler.report.frame import Frame
from osler.report.source import Sources

CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
CASES = ["sick", "healthy", "crash", "intended", "hostile"]
OWN_GOLDENS = {"html", "text"}
"""`text` is what the terminal shows, and golden there; `html` holds its script, so its content is golden."""


def test_the_formats_that_the_manual_promises() -> None:
    assert {"text", "json", "jsonl", "markdown", "github", "sarif", "junit"} <= set(formats())


def test_what_is_no_format_is_not_taken_for_one() -> None:
    assert not {"live", "screen", "source", "terminal", "formats", "comparison"} & set(formats())


def test_no_ending_stands_for_two_formats() -> None:
    known = [suffix for suffix in suffixes().values() if suffix]
    assert len(known) == len(set(known))
    assert all(re.fullmatch(r"\.[a-z]+", suffix) for suffix in known)


@pytest.mark.parametrize("name", formats())
def test_says_where_it_is_meant_to_be_used(name: str) -> None:
    assert len(formats()[name].__doc__.splitlines()[0].split()) > 5


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", formats())
def test_nothing_steers_a_terminal(name: str, case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    text = formats()[name].render(cases[case], frame)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert CONTROL.search(text) is None
    text.encode("utf-8")


@given(st.text(), st.text(), st.text())
@pytest.mark.parametrize("name", formats())
def test_no_name_and_no_message_steers_a_terminal(name: str, check: str, message: str, file: str) -> None:
    found = Finding(check, Place(file, 3, subject=check), message, message, file, check, Severity.ERROR)
    diagnosis = Diagnosis(Subject(script=file), (Group(found, (found,)),), not_applicable={check: message})
    text = formats()[name].render(diagnosis, Frame("1", Path("/work"), Sources(), checks={}))
    assert CONTROL.search(text) is None
    text.encode("utf-8")


@pytest.mark.parametrize("name", formats())
def test_a_diagnosis_without_anything(name: str, frame: Frame) -> None:
    assert formats()[name].render(Diagnosis(), frame).endswith("\n")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", sorted(set(formats()) - OWN_GOLDENS))
def test_golden(
    name: str,
    case: str,
    cases: dict[str, Diagnosis],
    frame: Frame,
    compare_golden: Callable[[str, str], None],
) -> None:
    text = formats()[name].render(cases[case], frame)
    compare_golden(f"{name}/{case}{suffixes()[name] or '.txt'}", text)


def test_text_is_what_a_terminal_shows(cases: dict[str, Diagnosis], frame: Frame) -> None:
    golden = Path(__file__).parents[1] / "golden" / "terminal" / "sick.txt"
    assert formats()["text"].render(cases["sick"], frame) == golden.read_text(encoding="utf-8")


def page() -> str:
    return (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_the_page_describes_every_format() -> None:
    assert set(re.findall(r"^## ([a-z]+)$", page(), re.MULTILINE)) == set(formats())
    for suffix in filter(None, suffixes().values()):
        assert f"`{suffix}`" in page()


def test_the_examples_of_the_page_are_true() -> None:
    shown = re.findall(r"^(`{3,})(?:text|json|markdown|xml)\n(.*?)\n\1$", page(), re.DOTALL | re.MULTILINE)
    goldens = [p.read_text(encoding="utf-8") for p in (Path(__file__).parents[1] / "golden").glob("*/*")]
    assert len(shown) == len(formats())
    assert [example for _, example in shown if not any(example in text for text in goldens)] == []
