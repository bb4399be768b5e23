"""One file that is complete, fetches nothing, runs only our script, and in which no name is markup."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.html import asset, embedded, render
from osler.report.page.content import content


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = True
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if not self.inside:
            return
        tag, attributes = self.found[-1]
        name = str(attributes.get("id", tag))
        self.texts[name] = self.texts.get(name, "") + data

    def tags(self) -> list[str]:
        return [tag for tag, _ in self.found]


@pytest.fixture
def text(hostile: Diagnosis, frame: Frame) -> str:
    return render(hostile, frame)


def test_hostile_names_make_no_element(text: str, healthy: Diagnosis, frame: Frame) -> None:
    assert Elements(text).tags() == Elements(render(healthy, frame)).tags()
    assert "<script>alert" not in text


def test_the_content_comes_back(text: str) -> None:
    content = json.loads(Elements(text).texts["content"])
    assert content["schema"] == "osler.page/1"
    assert "<script>alert(1)</script>" in content["verdict"]["report"]["findings"][0]["message"]


def test_the_policy_allows_our_script_and_nothing_else(text: str) -> None:
    page = Elements(text)
    policy = next(a["content"] for t, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("script-src") == f"'sha256-{hashed(page.texts['script'])}'"
    assert rules.pop("style-src") == f"'sha256-{hashed(page.texts['style'])}'"
    assert rules == {"worker-src": "blob:", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_nothing_is_fetched(text: str) -> None:
    for tag, attributes in Elements(text).found:
        for name in ("src", "href", "action", "data", "srcset"):
            assert str(attributes.get(name, "data:")).startswith("data:"), (tag, attributes)
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:)", asset("report.css"))


def test_styles_and_handlers_are_never_written_into_tags(text: str) -> None:
    names = {name for _, attributes in Elements(text).found for name in attributes}
    assert not {n for n in names if n == "style" or n.startswith("on")}


@pytest.mark.parametrize("case", ["sick", "healthy", "hostile"])
def test_golden(
    case: str, cases: dict[str, Diagnosis], frame: Frame, compare_golden: Callable[[str, str], None]
) -> None:
    compare_golden(f"html/{case}.json", json.dumps(content(cases[case], frame), indent=2) + "\n")


def test_a_file_is_small(text: str) -> None:
    assert len(text) < 250_000


@pytest.mark.parametrize("name", ["</script>", "<!--", "\u2028", "\ud800", "&amp;", "../..", "\x00"])
def test_embedded_texts_are_no_markup(name: str) -> None:
    written = embedded({name: [name]})
    assert written.isascii()
    assert not set(written) & set("<>&\x00")
    assert json.loads(written) == {name: [name]}


def test_the_bundle_ends_no_element() -> None:
    for name in ("report.js", "report.css"):
        assert not re.search(r"</(script|style)|<!--", asset(name), re.IGNORECASE)


def test_the_licences_of_what_the_bundle_holds_are_shipped() -> None:
    folder = Path(__file__).parents[2] / "src/osler/report/assets"
    notice = (folder / "NOTICE.txt").read_text()
    for name in ("preact", "@preact/signals", "uplot", "@dagrejs/dagre"):
        assert re.search(rf"^{re.escape(name)} \d", notice, re.MULTILINE)
