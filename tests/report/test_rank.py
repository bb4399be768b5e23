"""One line of a rank beside the first, near-misses included."""

from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import Diagnosis, Finding, Group, Subject
from osler.report.rank import later_rank, line, of_rank

ROOT = Path("/w")


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        ({"RANK": "1", "WORLD_SIZE": "2"}, 1),
        ({"RANK": "7", "WORLD_SIZE": "8", "LOCAL_RANK": "3"}, 7),
        ({"RANK": "0", "WORLD_SIZE": "2"}, 0),
        ({}, 0),
        ({"RANK": "3"}, 0),
        ({"RANK": "2", "WORLD_SIZE": "2"}, 0),
        ({"RANK": "first", "WORLD_SIZE": "2"}, 0),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, 0),
    ],
    ids=["second", "of many", "first", "alone", "left over", "no such rank", "a word", "no number"],
)
def test_who_leaves_the_word_to_the_first(variables: dict[str, str], rank: int) -> None:
    assert later_rank(variables) == rank


@pytest.mark.parametrize(
    ("file", "rank", "written"),
    [
        ("out/report.json", 0, "out/report.json"),
        ("out/report.json", 3, "out/report.rank3.json"),
        ("report", 1, "report.rank1"),
        ("v1.2.html", 1, "v1.2.rank1.html"),
    ],
)
def test_each_rank_writes_a_file_of_its_own(file: str, rank: int, written: str) -> None:
    assert of_rank(Path(file), rank) == Path(written)


def test_says_nothing_where_all_is_well(healthy: Diagnosis) -> None:
    assert line(healthy, 1, ROOT) == ""


def test_hints_and_what_was_acknowledged_are_left_to_the_record(hint: Finding, eval_mode: Finding) -> None:
    causes = (hint, replace(eval_mode, suppressed=True))
    assert line(Diagnosis(groups=tuple(Group(c, ()) for c in causes)), 1, ROOT) == ""


def test_names_the_problem_and_its_place(eval_mode: Finding, tmp_path: Path) -> None:
    sick = Diagnosis(Subject(script="train.py", steps=12), groups=(Group(eval_mode, ()),))
    assert (
        line(sick, 3, tmp_path)
        == "osler: rank 3: 1 error in train.py: training-in-eval-mode at train.py:18\n"
    )


def test_names_three_at_most(eval_mode: Finding, tmp_path: Path) -> None:
    causes = [replace(eval_mode, check=f"check-{n}") for n in range(5)]
    sick = Diagnosis(Subject(script="train.py"), groups=tuple(Group(c, ()) for c in causes))
    assert line(sick, 1, tmp_path) == (
        "osler: rank 1: 5 errors in train.py: check-0 at train.py:18, check-1 at train.py:18, "
        "check-2 at train.py:18, 2 more\n"
    )


def test_says_how_the_script_was_cut_short(eval_mode: Finding) -> None:
    crashed = Subject(script="train.py", steps=4, ended_by="exception", exit_code=1)
    assert line(Diagnosis(crashed), 1, ROOT) == (
        "osler: rank 1: train.py stopped with an exception after 4 steps\n"
    )
    both = line(Diagnosis(crashed, groups=(Group(eval_mode, ()),)), 1, ROOT)
    assert both.startswith("osler: rank 1: train.py stopped with an exception after 4 steps; 1 error in ")


def test_a_hostile_name_stays_in_its_line(eval_mode: Finding) -> None:
    sick = Diagnosis(Subject(script="a\n\x1b[2Jb.py"), groups=(Group(eval_mode, ()),))
    assert line(sick, 1, ROOT).count("\n") == 1
    assert "\x1b" not in line(sick, 1, ROOT)
