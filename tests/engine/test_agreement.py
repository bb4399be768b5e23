"""What the source says and what the run showed become one verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from osler.engine.agreement import READ_HERE, Reading, agreed, confirmed, read_program
from osler.engine.catalogue import catalogue, selected
from osler.engine.diagnose import Terms, diagnose
from osler.engine.linting import wishes_of
from osler.model import Confidence, Finding, Kind, Place, Related, Severity
from osler.settings import load
from osler.static.suppressions import Suppression
from osler.testing import event, run_of

NAME = "gradients-not-cleared"
RAN = Finding(
    NAME, Place("train.py", 14, step=3), "seen 19 times", "", "", "", Severity.ERROR,
    Confidence.LIKELY, related=(Related(Place("train.py", 13), "gradients are computed here"),),
)  # fmt: skip
READ = replace(RAN, place=Place("train.py", 13), message="nothing clears them", seen_by=("code",), related=())


def test_one_problem_that_both_saw_is_told_once_and_is_certain() -> None:
    (both,) = agreed([RAN], Reading((READ,)), [NAME])
    assert both.message == "seen 19 times"
    assert both.seen_by == ("code", "run")
    assert both.confidence is Confidence.CERTAIN
    assert both.related == RAN.related


def test_a_line_that_only_the_source_names_is_added() -> None:
    read = replace(READ, place=Place("train.py", 9), related=(Related(Place("train.py", 14), "used here"),))
    (both,) = agreed([RAN], Reading((read,)), [NAME])
    assert both.related[-1] == Related(Place("train.py", 9), READ_HERE)


@pytest.mark.parametrize(
    "read",
    [replace(READ, check="graph-broken"), replace(READ, place=Place("other.py", 13))],
    ids=["another check", "another file"],
)
def test_what_is_something_else_stays_apart(read: Finding) -> None:
    assert len(agreed([RAN], Reading((read,)), [])) == 2


FAR = replace(READ, place=Place("train.py", 19, function="Trainer.resume"))
IN_FUNCTION = replace(RAN, place=Place("train.py", 17, function="resume"), related=())


def test_one_finding_on_either_side_in_one_function_is_the_same_problem() -> None:
    (both,) = agreed([IN_FUNCTION], Reading((FAR,)), [NAME])
    assert both.seen_by == ("code", "run")
    assert both.related[-1] == Related(Place("train.py", 19), READ_HERE)


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ([IN_FUNCTION], [replace(FAR, place=Place("train.py", 19, function="train"))]),
        ([IN_FUNCTION], [replace(FAR, place=Place("other.py", 19, function="resume"))]),
        ([IN_FUNCTION], [FAR, replace(FAR, place=Place("train.py", 21, function="resume"))]),
        ([IN_FUNCTION, replace(RAN, place=Place("train.py", 40))], [FAR]),
        (
            [replace(RAN, place=Place("train.py", 17, function="<module>"), related=())],
            [replace(FAR, place=Place("train.py", 19, function="<module>"))],
        ),
    ],
    ids=["another function", "another file", "two were read", "two were seen", "no function"],
)
def test_where_it_may_be_another_problem_it_stays_apart(seen: list[Finding], read: list[Finding]) -> None:
    assert len(agreed(seen, Reading(tuple(read)), [NAME])) == len(seen) + len(read)


def test_what_the_run_was_asked_and_did_not_show_is_a_hint() -> None:
    (alone,) = agreed([], Reading((READ,)), [NAME])
    assert (alone.severity, alone.confidence) == (Severity.HINT, Confidence.POSSIBLE)


def test_what_only_the_source_can_show_keeps_its_weight() -> None:
    (alone,) = agreed([], Reading((READ,)), [])
    assert (alone.severity, alone.seen_by) == (Severity.ERROR, ("code",))


@pytest.mark.parametrize(
    ("shown", "message"),
    [(Severity.ERROR, "seen 19 times"), (Severity.HINT, "tried once")],
    ids=["as grave", "less grave"],
)
def test_what_run_and_experiment_saw_is_told_once_by_the_more_severe(shown: Severity, message: str) -> None:
    tried = replace(RAN, message="tried once", severity=Severity.WARNING, seen_by=("setup",))
    (both,) = confirmed([replace(RAN, severity=shown)], [tried])
    assert both.message == message
    assert both.seen_by == ("setup", "run")


def test_an_experiment_about_another_line_stays_apart() -> None:
    tried = replace(RAN, place=Place("train.py", 99), related=(), seen_by=("setup",))
    assert confirmed([RAN], [tried]) == [RAN, tried]


def test_a_comment_acknowledges_what_the_run_shows() -> None:
    reading = Reading(comments=(Suppression("train.py", 14, NAME),))
    (finding,) = agreed([RAN], reading, [NAME])
    assert finding.suppressed
    (finding,) = agreed([RAN], Reading(comments=(Suppression("train.py", 15, NAME),)), [NAME])
    assert not finding.suppressed


def test_what_was_not_asked_for_is_left_out() -> None:
    run = run_of([[event(Kind.STEP, "SGD", 14, "fresh")]] * 5, ended=True)
    reading = Reading((replace(READ, check="dropout-always-active"),))
    found = [f.check for f in diagnose(run, reading=reading).findings]
    assert "dropout-always-active" in found
    ignored = diagnose(run, Terms(ignore=("dropout-always-active",)), reading=reading)
    assert "dropout-always-active" not in [f.check for f in ignored.findings]


SOURCE = """
import torch
from torch import nn, optim
torch.manual_seed(0)
model = nn.Linear(4, 3)
optimizer = optim.SGD(model.parameters(), lr=0.1)
for step in range(100):
    nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(3, (8,))).backward()
    optimizer.step(){comment}
"""


def test_a_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SOURCE.format(comment=""))
    reading = read_program([path], catalogue().values())
    assert [f.check for f in reading.findings] == [NAME]
    assert reading.comments == ()


def test_its_comments_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SOURCE.format(comment="  # osler: ignore[gradients-not-cleared] on purpose"))
    reading = read_program([path], catalogue().values())
    assert [c.name for c in reading.comments] == [NAME]
    assert all(f.suppressed for f in reading.findings)


@pytest.mark.parametrize(
    "settings",
    [
        "[tool.osler.lint.per-file-ignores]\n'*.py' = ['gradients-not-cleared']\n",
        "[tool.osler]\nignore = ['gradients-not-cleared']\n",
    ],
)
def test_what_the_project_leaves_out_is_left_out_of_the_reading(settings: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SOURCE.format(comment=""))
    (tmp_path / "pyproject.toml").write_text(settings)
    chosen = load(tmp_path, {}, catalogue(), {})
    checks = selected(chosen.select, chosen.ignore)
    assert read_program([path], checks, wishes_of(chosen)).findings == ()
