"""The report for people, word for word; what must never happen to a reader's terminal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import Coverage, Diagnosis, Evidence, Finding, Group, Place, Related, Severity, Subject
from osler.report.source import Sources
from osler.report.terminal import Page, cropped, render

Golden = Callable[[str, str], None]


@pytest.fixture
def page(root: Path) -> Page:
    return Page(root, Sources())


def test_a_sick_run(healthy: Diagnosis, groups: tuple[Group, ...], page: Page, golden: Golden) -> None:
    golden("terminal/sick.txt", render(replace(healthy, groups=groups), page))


def test_a_sick_run_in_colour(healthy: Diagnosis, eval_mode: Finding, root: Path, golden: Golden) -> None:
    sick = replace(healthy, groups=(Group(eval_mode),))
    golden("terminal/colour.txt", render(sick, Page(root, Sources(), width=80, has_color=True)))


def test_a_healthy_run_is_one_line(healthy: Diagnosis, page: Page, golden: Golden) -> None:
    text = render(healthy, page)
    golden("terminal/healthy.txt", text)
    assert text.count("\n") == 1


def test_a_healthy_run_with_a_hint(healthy: Diagnosis, hint: Finding, page: Page, golden: Golden) -> None:
    golden("terminal/hint.txt", render(replace(healthy, groups=(Group(hint),)), page))


def test_no_training(page: Page, golden: Golden) -> None:
    seen = Diagnosis(Subject(script="train.py", forwards=3, batches=1, exit_code=0))
    golden("terminal/no_training.txt", render(seen, page))


def test_a_crash_comes_first(healthy: Diagnosis, nan_loss: Finding, page: Page, golden: Golden) -> None:
    crashed = replace(healthy.subject, ended_by="exception", exit_code=1, steps=41)
    golden("terminal/crash.txt", render(replace(healthy, subject=crashed, groups=(Group(nan_loss),)), page))


def test_what_was_not_seen_is_told(
    healthy: Diagnosis, eval_mode: Finding, page: Page, golden: Golden
) -> None:
    partly = replace(
        healthy,
        groups=(Group(replace(eval_mode, suppressed=True)),),
        coverage=Coverage(1, 1, 4, ("Sequential: its inside is compiled",)),
        cost=replace(healthy.cost, failures=("stopped watching losses: KeyError: 'x' (graph.py:3)",)),
        failed={"loss-diverges": "the check itself failed; please report it"},
    )
    golden("terminal/partly.txt", render(partly, page))


def test_acknowledged_findings_are_no_headlines(healthy: Diagnosis, eval_mode: Finding, page: Page) -> None:
    text = render(replace(healthy, groups=(Group(replace(eval_mode, suppressed=True)),)), page)
    assert text.startswith("osler: no problem found")
    assert "acknowledged as intended: training-in-eval-mode" in text
    assert "eval()" not in text


def test_a_second_file_is_named(healthy: Diagnosis, eval_mode: Finding, root: Path, page: Page) -> None:
    (root / "model.py").write_text("class Net:\n    drop = Dropout()\n")
    other = Related(Place(str(root / "model.py"), 2), "the layer concerned")
    text = render(replace(healthy, groups=(Group(replace(eval_mode, related=(other,))),)), page)
    assert (
        "  model.py:\n    2 |     drop = Dropout()\n      |     ---------------- the layer concerned\n"
        in text
    )


def test_source_that_cannot_be_read_costs_only_the_excerpt(healthy: Diagnosis, eval_mode: Finding) -> None:
    gone = replace(
        eval_mode,
        place=Place("/gone/train.py", 3),
        related=(Related(Place("/gone/model.py", 9), "called here"),),
    )
    text = render(replace(healthy, groups=(Group(gone),)), Page(Path("/home"), Sources()))
    assert "/gone/train.py:3  error  training-in-eval-mode\n\n  seen " in text
    assert "see also  /gone/model.py:9 called here\n" in text


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x9b2J", "\u202e", "\u2066", "\x07", "\r", "a\nb", "\u200f"])
def test_nothing_steers_the_terminal(evil: str, healthy: Diagnosis, root: Path) -> None:
    (root / "train.py").write_text(f"x = '{evil}'\n" * 3, newline="")
    place = Place(str(root / "train.py"), 2, subject=evil, step=1)
    cause = Finding(
        f"name{evil}",
        place,
        evil,
        evil,
        evil,
        evil,
        Severity.ERROR,
        evidence=(Evidence(evil, 1, evil, evil),),
    )
    hint = replace(cause, severity=Severity.HINT)
    sick = replace(
        healthy,
        subject=replace(healthy.subject, script=evil, ended_by=evil),
        groups=(Group(cause, (cause,)), Group(hint)),
        not_applicable={evil: evil},
        failed={evil: evil},
        coverage=Coverage(1, 1, 1, (evil,)),
    )
    text = render(sick, Page(root, Sources()))
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_brackets_and_colons_are_no_markup(healthy: Diagnosis, eval_mode: Finding, page: Page) -> None:
    message = "`loss[0]` of [bold]x[/bold] :smile:"
    text = render(replace(healthy, groups=(Group(replace(eval_mode, message=message)),)), page)
    assert f"seen      {message}\n" in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_wider_than_the_screen(
    width: int, healthy: Diagnosis, groups: tuple[Group, ...], root: Path
) -> None:
    verdict, *rest = render(replace(healthy, groups=groups), Page(root, Sources(), width)).splitlines()
    assert max(map(len, rest)) <= width
    assert verdict == "osler: 1 error, 1 warning, 1 hint in train.py"


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [
        ("loss = f(x)", 11, "loss = f(x)"),
        ("loss = f(x)", 10, "loss =" + " ..."),
        ("日本語", 6, "日本語"),
        ("日本語日本語", 8, "日本 ..."),
        ("anything", 2, " ..."),
    ],
)
def test_cropped(text: str, room: int, shown: str) -> None:
    assert cropped(text, room) == shown


def test_the_same_mistake_twice_is_explained_once(healthy: Diagnosis, eval_mode: Finding, page: Page) -> None:
    second = replace(
        eval_mode, place=replace(eval_mode.place, line=20), message="`Other` was trained so too."
    )
    text = render(replace(healthy, groups=(Group(eval_mode), Group(second))), page)
    first, again = text.split("train.py:20", 1)
    assert eval_mode.why.split()[0] in first
    assert "osler explain" in first
    assert "seen      `Other` was trained so too.\n" in again
    assert "fix       as above\n" in again
    assert "why " not in again
    assert "osler explain" not in again


def test_another_remedy_is_told_in_full(healthy: Diagnosis, eval_mode: Finding, page: Page) -> None:
    second = replace(eval_mode, place=replace(eval_mode.place, line=20), fix="Do something else.")
    text = render(replace(healthy, groups=(Group(eval_mode), Group(second))), page)
    assert "as above" not in text
    assert "fix       Do something else.\n" in text
    assert text.count("why ") == 2
