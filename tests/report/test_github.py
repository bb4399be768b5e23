"""Workflow commands, read back as the runner of GitHub Actions reads them."""

import re
from dataclasses import replace

import pytest

from osler.model import Diagnosis, Finding, Group, Place, Severity
from osler.report.frame import Frame
from osler.report.github import escaped, escaped_property, render

COMMAND = re.compile(r"::(?P<name>\w+) (?P<properties>.*?)::(?P<data>.*)")


def unescaped(text: str) -> str:
    for token, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(token, character)
    return text


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What the runner makes of a log: https://github.com/actions/runner, ActionCommand.TryParseV2."""
    found = [COMMAND.fullmatch(line) for line in text.splitlines()]
    return [
        (
            command["name"],
            {k: unescaped(v) for k, _, v in (p.partition("=") for p in command["properties"].split(","))},
            unescaped(command["data"]),
        )
        for command in found
        if command
    ]


def test_place_and_message(cases: dict[str, Diagnosis], frame: Frame) -> None:
    error, warning, notice = commands(render(cases["sick"], frame))
    name, properties, data = error
    assert name == "error"
    assert properties == {
        "title": "training-in-eval-mode",
        "file": str(frame.root / "train.py"),
        "line": "18",
    }
    assert data.splitlines()[0] == "198 of 220 steps were taken in eval mode: `eval()` was never undone"
    assert data.splitlines()[-1].startswith("explains: train.py:13  error  loss-not-finite")
    assert warning[:2] == ("warning", {"title": "parameters-without-gradient"})
    assert notice[0] == "notice"


def test_hostile_text_begins_no_command_of_its_own(cases: dict[str, Diagnosis], frame: Frame) -> None:
    text = render(cases["hostile"], frame)
    assert [name for name, _, _ in commands(text)] == ["error", "warning", "notice"]
    error = commands(text)[0]
    assert set(error[1]) == {"title", "file", "line"}
    assert error[1]["line"] == "3"
    assert "%0A" in error[2]  # was in the name, and is no line break now
    plain = [line for line in text.splitlines() if not line.startswith("::")]
    assert plain
    assert all(line.startswith("osler: ") for line in plain)
    assert not any("##[" in line for line in plain)


@pytest.mark.parametrize("case", ["healthy", "intended"])
def test_nothing_to_annotate_but_not_silent(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    text = render(cases[case], frame)
    assert commands(text) == []
    assert text.startswith("osler: no problem found in 220 steps")


def test_what_github_would_drop_stays_in_the_log(
    healthy: Diagnosis, placeless: Finding, hint: Finding, frame: Frame
) -> None:
    many = replace(healthy, groups=(*(Group(placeless),) * 13, *(Group(hint),) * 10))
    text = render(many, frame)
    assert [name for name, _, _ in commands(text)] == ["warning"] * 10 + ["notice"] * 10
    assert text.count("osler: head.weight  warning  parameters-without-gradient") == 3
    assert "osler: GitHub shows 10 annotations of one kind per step: 3 warnings in this log only\n" in text


@pytest.mark.parametrize("length", [4096, 4097, 100_000])
def test_a_long_message_is_cut_where_the_runner_would(
    length: int, healthy: Diagnosis, hint: Finding, frame: Frame
) -> None:
    long = replace(hint, message="%" * length, fix="", check="c" * 300)
    ((_, properties, data),) = commands(render(replace(healthy, groups=(Group(long),)), frame))
    assert len(data) == 4096
    assert data.endswith(" ...") == (length > 4096)
    assert len(properties["title"]) == 255


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(), {}),
        (Place("/work/a,b.py", 3), {"file": "/work/a,b.py", "line": "3"}),
        (Place("/work/a.py"), {"file": "/work/a.py"}),
        (Place("<string>", 3), {}),
        (Place("cell 3", 3, cell="3"), {}),
    ],
)
def test_places(
    place: Place, expected: dict[str, str], healthy: Diagnosis, hint: Finding, frame: Frame
) -> None:
    found = replace(hint, place=place, severity=Severity.ERROR)
    ((_, properties, _),) = commands(render(replace(healthy, groups=(Group(found),)), frame))
    assert properties == {"title": "last-batch-small", **expected}


@pytest.mark.parametrize("text", ["", "a", "100 %", "%0A", "%250A", "a\r\nb", "a::b, c:d=e", "%2C"])
def test_escaping_is_undone_by_the_runner(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert unescaped(escaped_property(text)) == text
    assert not set(":,\r\n") & set(escaped_property(text))
