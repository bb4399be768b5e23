"""Markdown, read back by a public parser: what a user names stays text."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from osler.model import Diagnosis, Evidence, Finding, Group, Severity
from osler.report.frame import Frame
from osler.report.markdown import LONGEST, code, escaped, render, text
from osler.report.wording import printable

HARMLESS = {"<code>", "</code>"}
OWN = {
    "heading": 3,  # the report, one error and one warning
    "table": 1,
    "bullet_list": 3,  # of each headline, and the hints
}


def parsed(source: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(source)


def inline(source: str) -> Iterator[Token]:
    for token in parsed(source):
        yield from token.children or ()


def shown(source: str) -> str:
    """What a reader sees of inline Markdown."""
    return "".join("" if t.type == "html_inline" else t.content for t in inline(source))


def structure(source: str) -> list[str]:
    return [t.type for t in parsed(source)]


@pytest.mark.parametrize("case", ["sick", "hostile"])
def test_structure_is_ours_alone(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    source = render(cases[case], frame)
    kinds = structure(source)
    assert {kind: kinds.count(f"{kind}_open") for kind in OWN} == OWN
    assert "html_block" not in kinds
    assert "blockquote_open" not in kinds
    rows = "".join(kinds[kinds.index("tbody_open") :]).count("td_open")
    assert rows == 2 * 5
    assert {t.type for t in inline(source)} <= {
        "text", "code_inline", "html_inline", "strong_open", "strong_close", "softbreak",
    }  # fmt: skip
    assert {t.content for t in inline(source) if t.type == "html_inline"} <= HARMLESS


def test_headings_say_what_and_where(cases: dict[str, Diagnosis], frame: Frame) -> None:
    tokens = parsed(render(cases["sick"], frame))
    headings = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open"]
    assert headings == [
        "Osler: `train.py`",
        "Error: `training-in-eval-mode` at `train.py:18`",
        "Warning: `parameters-without-gradient` at `head.weight` (likely)",
    ]


def test_a_fence_is_longer_than_any_inside(healthy: Diagnosis, eval_mode: Finding, frame: Frame) -> None:
    script = frame.root / "train.py"
    script.write_text(script.read_text().replace("# never undone", "# ````` </code> ```"))
    source = render(replace(healthy, groups=(Group(eval_mode),)), frame)
    (fence,) = (t for t in parsed(source) if t.type == "fence")
    assert "> 18 |     model.eval()  # ````` </code> ```\n" in fence.content
    assert fence.content.endswith("called here\n")


def test_a_file_named_like_a_fence_does_not_close_it(
    healthy: Diagnosis, eval_mode: Finding, frame: Frame
) -> None:
    script = frame.root / "`````"
    script.write_text((frame.root / "train.py").read_text())
    there = replace(eval_mode, place=replace(eval_mode.place, file=str(script)), related=())
    source = render(replace(healthy, groups=(Group(there),)), frame)
    (fence,) = (t for t in parsed(source) if t.type == "fence")
    assert fence.content.startswith("`````\n")
    assert fence.content.endswith("for xb, yb in loader:\n")


@given(st.text())
@pytest.mark.parametrize("write", [text, code, escaped])
def test_every_text_is_shown_as_it_is(write: object, words: str) -> None:
    line = printable(f"x{words}x")
    assert callable(write)
    source = f"- **seen:** {write(line)}"
    assert structure(source).count("list_item_open") == 1
    kept = line.replace("`", "")
    assert shown(source).replace("`", "") == f"seen: {kept}"


@given(st.text(alphabet="ab `|\\*_<>[]()#@:/.&;!~$-+=\n1w"))
@pytest.mark.parametrize("write", [text, code, escaped])
def test_no_text_leaves_its_cell(write: object, words: str) -> None:
    assert callable(write)
    cell = write(printable(f"x{words}x"))
    kinds = structure(f"| a | b |\n|---|---|\n| {cell} | end |")
    assert kinds.count("td_open") == 2
    assert kinds.count("tr_open") == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("`eval()` was never undone", "`eval()` was never undone"),
        ("nll_loss and __init__", r"nll_loss and \_\_init\_\_"),
        ("decorated with @torch.no_grad", "decorated with `@torch.no_grad`"),
        ("see #12 or GH-12", "see `#12` or `GH-12`"),
        ("at https://a.b/c", "at `https://a.b/c`"),
        ("mail me@a.b", "mail `me@a.b`"),
        ("5 # 3 @ 4", r"5 \# 3 @ 4"),
        ("`a|b`", "<code>a&#124;b</code>"),
        ("1 * 2 * 3 < 7", r"1 \* 2 \* 3 \< 7"),
        ("$5", r"\$5"),
        ("plain words, 3.5 % (of 7)", "plain words, 3.5 % (of 7)"),
        ("", ""),
    ],
)
def test_text(words: str, expected: str) -> None:
    assert text(words) == expected


def test_a_comment_that_github_would_refuse_is_cut(
    healthy: Diagnosis, placeless: Finding, frame: Frame
) -> None:
    source = render(replace(healthy, groups=(Group(placeless),) * 500), frame)
    assert LONGEST * 0.9 < len(source) < 65_536
    assert source.splitlines()[-1].endswith("more parts: see another `--format`.")


def test_a_single_part_that_is_too_long(healthy: Diagnosis, placeless: Finding, frame: Frame) -> None:
    long = replace(placeless, message="x" * LONGEST)
    assert len(render(replace(healthy, groups=(Group(long),)), frame)) < LONGEST


def test_numbers_that_are_none(healthy: Diagnosis, placeless: Finding, frame: Frame) -> None:
    measured = replace(
        placeless, severity=Severity.ERROR, evidence=(Evidence("loss", float("nan"), "finite"),)
    )
    assert "| loss | nan |  | finite |  |\n" in render(replace(healthy, groups=(Group(measured),)), frame)
