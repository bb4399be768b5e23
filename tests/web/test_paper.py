"""Paper gets every page of the report, open, in light, and nothing of it is cut."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SHEET = 794
"""Pixels of the width of A4; letter is 22 wider."""

MARGINS = 106
"""Pixels that the two margins take of it."""

TITLES = ["1 error in train.py", "Timeline", "Layers", "Graph", "Data"]

BEYOND = """
(width) => [...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > width + 0.5 && !e.closest("svg"))
  .map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`)
"""
"""What reaches over the edge of the sheet."""

HIDDEN = """
() => [...document.querySelectorAll("main *")]
  .filter((e) => {
    const style = getComputedStyle(e);
    const hides = /hidden|auto|scroll/.test(style.overflowX + style.overflowY);
    return hides && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
  })
  .map((e) => `${e.tagName}.${e.className}`)
"""
"""What paper cannot scroll to."""

BLANK = """
() => [...document.querySelectorAll("main canvas")].filter((c) => {
  const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
  return !data.some(Boolean);
}).length
"""
"""How many pictures are empty."""


@pytest.fixture(scope="module")
def file(watch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with a cut."""
    path = tmp_path_factory.mktemp("paper") / "report.html"
    path.write_text(watch("h = self.stem(x)", "h = self.stem(x).detach()").report())
    return path


def on_paper(opened: Any, file: Path, page: str = "verdict") -> None:
    """The report as it is laid out on sheets."""
    opened.show(file, page)
    opened.page.set_viewport_size({"width": SHEET - MARGINS, "height": 1000})
    opened.page.emulate_media(media="print")
    opened.page.wait_for_selector(".canvas svg")


def test_every_page_is_there_in_light_and_nothing_is_cut(file: Path, tab: Any) -> None:
    with tab(scheme="dark") as opened:
        on_paper(opened, file)
        page = opened.page
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        titles = page.locator(".sheet h1").all_inner_texts()
        assert [t.removesuffix(".") for t in titles] == TITLES
        assert page.evaluate(BEYOND, SHEET - MARGINS) == []
        assert page.evaluate(HIDDEN) == []
        assert page.locator("main canvas").count() >= 10
        assert page.evaluate(BLANK) == 0
        assert page.locator("path.edge.cut").count() == 2
        assert opened.complaints == []


def test_what_cannot_be_used_on_paper_is_left_out(file: Path, tab: Any) -> None:
    with tab() as opened:
        on_paper(opened, file)
        used = opened.page.locator("nav, button:not(.link), input, select, footer")
        assert [element.is_visible() for element in used.all()].count(True) == 0
        assert opened.page.locator("details:not([open])").count() == 0


def test_links_and_words_are_readable(file: Path, tab: Any) -> None:
    with tab(scheme="dark") as opened:
        on_paper(opened, file)
        assert opened.violations() == []
        (link,) = opened.page.locator(".silence a").all()
        assert link.evaluate("e => getComputedStyle(e).textDecorationLine") == "underline"
        assert link.evaluate("e => getComputedStyle(e).color") == "rgb(11, 61, 119)"


def test_a_printer_that_does_not_wait_gets_the_pictures_too(file: Path, tab: Any) -> None:
    with tab() as opened:
        opened.show(file)
        printed = opened.page.pdf(format="A4", print_background=True)
        assert len(re.findall(rb"/Type /Page\b(?!s)", printed)) >= len(TITLES)
        assert len(re.findall(rb"/Subtype /Image", printed)) >= 10
        opened.until("document.querySelectorAll('main h1').length === 1")
        assert opened.page.locator("nav").is_visible()


def test_what_was_chosen_is_still_chosen_after_printing(file: Path, tab: Any) -> None:
    with tab() as opened:
        on_paper(opened, file, "layers")
        opened.page.emulate_media(media="screen")
        opened.until("document.querySelectorAll('main h1').length === 1")
        opened.page.get_by_role("button", name="stem").last.click()
        opened.page.wait_for_selector(".drawer")
        opened.page.emulate_media(media="print")
        opened.page.wait_for_selector("h1:text('Data')")
        opened.page.emulate_media(media="screen")
        opened.until("document.querySelectorAll('main h1').length === 1")
        assert opened.page.locator(".drawer").count() == 1


COUNTING = """
window.print = () => {
  window.seen = [".canvas svg", ".canvas [role=status]"].map((of) => document.querySelectorAll(of).length);
};
null
"""


def test_the_button_prints_when_the_graph_is_laid_out(file: Path, tab: Any) -> None:
    with tab() as opened:
        opened.show(file)
        opened.page.evaluate(COUNTING)
        opened.page.get_by_role("button", name="Print").click()
        opened.until("window.seen !== undefined")
        assert opened.page.evaluate("window.seen") == [1, 0]
        opened.until("document.querySelectorAll('main h1').length === 1")
