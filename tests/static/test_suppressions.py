"""A comment on the line of a finding says that it is known: `# osler: ignore[name] reason`."""

from pathlib import Path

import pytest

from osler.model import Finding, Place, Severity
from osler.static.sources import Source, parse
from osler.static.suppressions import acknowledged, suppressions, unused

FILE = "/home/user/train.py"


def source(text: str) -> Source:
    return parse(Path(FILE), text.encode())


def found(line: int, check: str = "graph-broken", file: str = FILE) -> Finding:
    return Finding(check, Place(file, line), "Seen.", "expected", "Why.", "Fix.", Severity.ERROR)


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("# osler: ignore[graph-broken]", ["graph-broken"]),
        ("# osler: ignore[graph-broken] on purpose", ["graph-broken"]),
        ("#osler:ignore[graph-broken]", ["graph-broken"]),
        ("# noqa: E501  # osler: ignore[graph-broken]", ["graph-broken"]),
        (
            "# osler: ignore[graph-broken, softmax-over-wrong-axis]",
            ["graph-broken", "softmax-over-wrong-axis"],
        ),
    ],
)
def test_comments_that_acknowledge(comment: str, names: list[str]) -> None:
    known = suppressions([source(f"x = 1\ny = 2  {comment}\n")])
    assert [(s.file, s.line, s.name) for s in known] == [(FILE, 2, name) for name in names]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # osler: ignore\n",
        "x = 1  # osler ignore[graph-broken]\n",
        "x = 1  # ignore[graph-broken]\n",
        "x = '# osler: ignore[graph-broken]'\n",
        "'''\n# osler: ignore[graph-broken]\n'''\n",
        "# to silence it: `osler: ignore[graph-broken]`\n",
        "x = (  # osler: ignore[graph-broken]\n",
    ],
    ids=["no name", "no colon", "no osler", "text", "page of text", "quoted in a comment", "file is broken"],
)
def test_what_only_looks_like_one(text: str) -> None:
    assert suppressions([source(text)]) == []


KNOWN = suppressions([source("x = 1\ny = 2  # osler: ignore[graph-broken] on purpose\n")])


def test_a_finding_on_its_line_is_acknowledged() -> None:
    assert [f.suppressed for f in acknowledged([found(2)], KNOWN)] == [True]
    assert unused([found(2)], KNOWN) == []


@pytest.mark.parametrize(
    "finding",
    [found(1), found(3), found(2, "softmax-over-wrong-axis"), found(2, file="/home/user/other.py")],
    ids=["line before", "line behind", "other check", "other file"],
)
def test_any_other_finding_is_not(finding: Finding) -> None:
    assert acknowledged([finding], KNOWN) == [finding]
    assert unused([finding], KNOWN) == KNOWN


def test_nothing_found() -> None:
    assert acknowledged([], KNOWN) == []
    assert unused([], KNOWN) == KNOWN


STATEMENT = """\
# osler: ignore[first]
# osler: ignore[second] both stand above

# osler: ignore[third]
x = f(  # osler: ignore[fourth]
    1,
    # osler: ignore[fifth]
    2,  # osler: ignore[sixth]
)  # osler: ignore[seventh]
if x:  # osler: ignore[eighth]
    # osler: ignore[ninth]
    y = g(
        x
    )
    # osler: ignore[tenth]
    # and why
    z = h(x)
# osler: ignore[last]
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("first", [1]),
        ("second", [2]),
        ("third", [5, 6, 7, 8, 9]),
        ("fourth", [5, 6, 7, 8, 9]),
        ("fifth", [5, 6, 7, 8, 9]),
        ("sixth", [5, 6, 7, 8, 9]),
        ("seventh", [5, 6, 7, 8, 9]),
        ("eighth", [10]),
        ("ninth", [11, 12, 13, 14]),
        ("tenth", [15, 17]),
        ("last", [18]),
    ],
)
def test_lines_that_a_comment_speaks_for(name: str, lines: list[int]) -> None:
    comments = suppressions([source(STATEMENT)])
    spoken = [n for n in range(1, 20) if acknowledged([found(n, name)], comments)[0].suppressed]
    assert set(spoken) - {c.line for c in comments if c.name == name} <= set(lines)
    assert set(lines) <= {*spoken, *(c.line for c in comments if c.name == name)}


def test_a_comment_on_the_very_line_speaks_for_no_other() -> None:
    text = "x = f(\n    a,  # osler: ignore[graph-broken]\n    b,\n)\n"
    comments = suppressions([source(text)])
    assert [f.suppressed for f in acknowledged([found(2), found(3)], comments)] == [True, False]
    assert [f.suppressed for f in acknowledged([found(1), found(3)], comments)] == [True, True]


@pytest.mark.parametrize("line", [2, 3, 4])
def test_a_comment_above_is_used_by_any_line_of_the_statement(line: int) -> None:
    comments = suppressions([source("# osler: ignore[graph-broken] meant\nx = f(\n    1,\n)\ny = 2\n")])
    assert unused([found(line)], comments) == []
    assert unused([found(5)], comments) == comments


def test_a_comment_on_the_line_above_that_has_code_speaks_for_that_code_only() -> None:
    comments = suppressions([source("x = 1  # osler: ignore[graph-broken]\ny = 2\n")])
    assert not acknowledged([found(2)], comments)[0].suppressed
    assert unused([found(2)], comments) == comments
