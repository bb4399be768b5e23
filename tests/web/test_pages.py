"""Every page, light and dark, wide and narrow, with no, one and 200 findings: nothing complains."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from osler.model import (
    Answer,
    Diagnosis,
    Finding,
    Group,
    LayerFact,
    NetworkFact,
    Place,
    Setup,
    Severity,
)
from osler.model.setup import Curve
from osler.runtime.samples import taken

pytestmark = pytest.mark.slow

PAGES = ["verdict", "timeline", "layers", "graph", "preflight", "data"]
HOSTILE = (
    "</script><img src=x onerror=alert(1)> ../../etc/passwd \x1b[31m \u202eevil\u202c `x` " + "long" * 2_500
)
LOSSES = (2.0, 1.5, 1.0, 0.8, 0.5, 0.3, 0.1, 0.05, 0.01)
EXPERIMENTS = (
    Answer("initial-loss", "is the first loss that of a guess?", "yes: 1.1", {"chance": 1.0986}, 0.004),
    Answer(
        "overfit-one-batch",
        "can it memorise one batch, with dropout and weight decay off?",
        "yes: loss 2 → 0.01 in 9 turns at 0.33 times the learning rate",
        {"first": 2.0, "best": 0.01, "without_dropout": float("nan")},
        1.5,
        curves=(
            Curve("learning rate × 1", (2.0, 40.0, float("inf"), float("nan"))),
            Curve("learning rate × 0.33", LOSSES),
        ),
    ),
    Answer("exchange-the-future", "does it see what it is to predict?", skipped="there is no `time` axis"),
)
TRAPS = (
    Answer(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: 1.0}, 0.1, curves=(Curve(HOSTILE, LOSSES, HOSTILE),) * 2),
    Answer(f"{HOSTILE}2", HOSTILE, skipped=HOSTILE),
)
LAYER = LayerFact("stem", "Linear", (Place("/w/train.py", 14),), ((8, 8),), 40, 32, 8, 2, 0.25)
NETWORKS = (
    NetworkFact(
        "Net", 67, 59, 0.0021,
        (LAYER, replace(LAYER, name="", site=(), outputs=(), elements=0, trainable=0, shared=0, share=0.75)),
        (),
    ),
)  # fmt: skip
HOSTILE_NETWORKS = (
    replace(NETWORKS[0], model=HOSTILE, layers=(replace(LAYER, name=HOSTILE, kind=HOSTILE),)),
)
SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"


def many(diagnosis: Diagnosis) -> Diagnosis:
    """The same with 200 findings of all severities."""
    one = diagnosis.groups[0].cause
    found = [
        replace(
            one, check=f"{one.check}-{n}", severity=Severity(3 - n % 3), place=replace(one.place, step=n % 40)
        )
        for n in range(150)
    ]
    return replace(diagnosis, groups=tuple(Group(f, (one,) if n < 50 else ()) for n, f in enumerate(found)))


def hostile(diagnosis: Diagnosis) -> Diagnosis:
    """The same with a finding in which everything is a trap."""
    one = diagnosis.groups[0].cause
    trap = Finding(
        HOSTILE, replace(one.place, subject=HOSTILE), HOSTILE, HOSTILE, HOSTILE, HOSTILE, Severity.ERROR,
        evidence=tuple(replace(e, measure=HOSTILE, expected=HOSTILE, unit=HOSTILE) for e in one.evidence),
    )  # fmt: skip
    return replace(
        diagnosis,
        subject=replace(diagnosis.subject, script=HOSTILE),
        groups=(Group(trap, (trap,)),),
        setup=Setup(HOSTILE_NETWORKS, TRAPS),
    )


def flown(diagnosis: Diagnosis) -> Diagnosis:
    """The same after experiments."""
    return replace(diagnosis, setup=Setup(NETWORKS, EXPERIMENTS))


@pytest.fixture(scope="module")
def files(watch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of each kind."""
    sick, healthy = watch("h = self.stem(x)", "h = self.stem(x).detach()"), watch()
    assert (len(healthy.diagnosis.headlines), len(sick.diagnosis.headlines)) == (0, 1)
    folder = tmp_path_factory.mktemp("reports")
    texts = {
        "none": healthy.report(flown(healthy.diagnosis)),
        "one": sick.report(flown(sick.diagnosis)),
        "200": sick.report(many(flown(sick.diagnosis))),
        "hostile": sick.report(hostile(sick.diagnosis)),
        "run": healthy.report(),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in texts}


LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1280)]


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [(n, *look) for n in ("none", "one", "200") for look in LOOKS]
    + [("hostile", "light", 390), ("hostile", "dark", 1280)],
)
def test_nothing_complains(files: dict[str, Path], tab: Any, name: str, width: int, scheme: str) -> None:
    with tab(width, scheme) as opened:
        for page in PAGES:
            opened.show(files[name], page)
            assert (page, opened.violations()) == (page, [])
            assert (page, opened.page.evaluate("document.documentElement.scrollWidth")) <= (page, width)
            opened.picture(SCREENSHOTS / f"{page}-{name}-{scheme}-{width}.png")
        assert opened.complaints == []
        assert {url.partition(":")[0] for url in opened.requests} <= {"file", "blob", "data"}


def test_a_name_makes_no_element_and_runs_nothing(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        for page in PAGES:
            opened.show(files["hostile"], page)
            assert opened.page.locator("img").count() == 0
        opened.show(files["hostile"])
        assert "</script><img src=x onerror=alert(1)>" in opened.page.inner_text("main")
        assert opened.complaints == []


def test_a_script_that_is_not_ours_does_not_run(files: dict[str, Path], tab: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.html"
    foreign.write_text(
        files["none"].read_text().replace("</body>", "<script>document.title = 'foreign'</script></body>")
    )
    with tab() as opened:
        opened.show(foreign)
        assert opened.page.title() != "foreign"
        assert any("Content Security Policy" in text for text in opened.complaints)


def test_every_page_is_reached_with_the_keyboard(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["one"])
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.className") == "skip"
        for _ in range(4):  # print, theme, and two pages
            opened.page.keyboard.press("Tab")
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_selector("h1:text('Timeline')")
        assert opened.page.evaluate("document.activeElement.tagName") == "MAIN"


def test_findings_are_walked_with_the_keyboard(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["200"])
        assert opened.page.locator("details.problem").count() == 150
        opened.page.locator("details.problem > summary").first.focus()
        opened.page.keyboard.press("j")
        opened.page.keyboard.press("Enter")
        opened.until("document.activeElement.parentElement.open")
        opened.until("location.hash.endsWith('finding=2')")


def test_a_chart_is_a_sentence_and_a_table_as_well(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["one"], "timeline")
        figure = opened.page.locator("figure").first
        sentence = figure.locator("[role=img]").get_attribute("aria-label")
        assert sentence.startswith("Loss goes down from ")
        figure.get_by_role("button", name="Numbers of Loss as a table").click()
        assert figure.locator("tbody tr").count() == 48


def test_experiments_are_told_with_their_curves(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["one"], "preflight")
        text = opened.page.inner_text("main")
        assert "2 experiments with the script's own loop on its first batches" in text
        assert "What is wrong stands on the page Verdict." in text
        assert "Is the first loss that of a guess?\n\nyes: 1.1" in text
        assert "Does it see what it is to predict?\tthere is no time axis" in text
        assert opened.page.locator("table.network tbody tr").all_inner_texts() == [
            "stem ×2\tLinear\t/w/train.py:14\t8×8\t40 shared\t32\t 25 %",
            "(itself) ×2\tLinear\t\t\t0\t\t 75 %",
        ]
        figure = opened.page.locator("figure")
        sentence = figure.locator("[role=img]").get_attribute("aria-label")
        assert sentence == (
            "learning rate × 1 goes up from 2 to 40 between turn 1 and 2; lowest 2 (turn 1), "
            "highest 40 (turn 2); values are NaN from turn 4 on, infinite from turn 3 on. "
            "learning rate × 0.33 goes down from 2 to 0.01 between turn 1 and 9; lowest 0.01 (turn 9), "
            "highest 2 (turn 1)."
        )
        figure.get_by_role("button", name="Numbers of Loss in each turn as a table").click()
        assert figure.locator("thead th").nth(1).inner_text() == "turns"
        assert figure.locator("tbody tr").count() == 4 + len(LOSSES)


def test_a_run_without_experiments_has_no_such_page(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["run"], "preflight")
        assert "Pre-flight" not in opened.page.inner_text("nav")
        assert opened.page.inner_text("nav a[aria-current]") == "Verdict"


def test_the_address_holds_the_steps_that_are_shown(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["one"], "timeline")
        opened.page.get_by_role("button", name="Zoom in").click()
        assert opened.page.evaluate("location.hash") == "#timeline?from=12&to=36"
        opened.page.get_by_role("link", name="Verdict").click()
        opened.show(files["one"], "timeline?from=12&to=36")
        assert "steps 12 – 36" in opened.page.inner_text(".controls")


def test_the_cut_is_drawn_in_red_with_its_line(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["one"], "graph")
        assert opened.page.locator("path.edge.cut").count() == 2
        assert opened.page.locator("g.node.cut text").all_text_contents() == ["detach()", "train.py:16"]
        assert "The gradient is cut" in opened.page.inner_text("main")


def test_samples_that_were_kept_are_pictures_of_what_the_model_was_given(
    watch: Callable[..., Any], tab: Any, tmp_path: Path
) -> None:
    kept = watch(
        "h = self.stem(x)", "h = self.stem(x.flatten(1))", keep="samples"
    )  # rows of four numbers: a table
    (fact,) = kept.stored.run.samples.values()
    rows, pictures = tmp_path / "rows.html", tmp_path / "pictures.html"
    rows.write_text(kept.report())
    drawn = taken("Net", torch.arange(32.0).reshape(2, 1, 4, 4), (), 0)
    labelled = tuple(replace(s, label=HOSTILE) for s in drawn.samples)
    kept.stored.run.samples["Net"] = replace(drawn, samples=labelled)
    pictures.write_text(kept.report())
    with tab() as opened:
        opened.show(rows, "data")
        table = opened.page.locator("table", has_text="sample").first
        cells = table.locator("tbody tr").first.locator("td").all_inner_texts()
        assert cells[0] == fact.samples[0].label
        assert len(cells[1].split(", ")) == len(fact.samples[0].numbers)
        assert opened.violations() == []
        opened.show(pictures, "data")
        assert opened.page.locator(".samples canvas").count() == len(drawn.samples)
        shades = opened.page.evaluate(
            "[...document.querySelector('.samples canvas').getContext('2d').getImageData(0, 0, 4, 4).data]"
        )
        assert shades[0::4] == list(b64decode(drawn.samples[0].pixels))
        assert shades[3::4] == [255] * 16
        assert opened.page.locator("img").count() == 0
        assert opened.violations() == []
        assert opened.complaints == []
        opened.picture(SCREENSHOTS / "data-samples-light-1280.png")


def test_samples_are_not_in_a_report_that_was_not_asked_for_them(files: dict[str, Path], tab: Any) -> None:
    with tab() as opened:
        opened.show(files["run"], "data")
        assert "samples only for --keep samples" in opened.page.inner_text("main")
        assert opened.page.locator(".samples").count() == 0
