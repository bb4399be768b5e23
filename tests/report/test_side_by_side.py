"""Two runs side by side, as a person and as a program reads it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import Column, Diagnosis, Run
from osler.report.comparison import Comparison, Parting, Side, compare
from osler.report.frame import Frame
from osler.report.side_by_side import as_json, in_words, losses

MANIFEST = {
    "argv": ["train.py", "--lr", "0.1"],
    "versions": {"torch": "2.13.0"},
    "environment": {"OMP_NUM_THREADS": "1"},
    "dirty": False,
}


def column(*points: tuple[int, float]) -> Column:
    made = Column()
    for step, value in points:
        made.add(step, value)
    return made


@pytest.fixture
def parted(cases: dict[str, Diagnosis]) -> Comparison:
    """Two runs with everything that can differ."""
    other = MANIFEST | {"argv": ["train.py", "--lr", "1"], "environment": {}, "dirty": True}
    groups = cases["sick"].groups
    first = Run(columns={"loss": column((1, 0.5), (2, 0.25)), "lr": column((1, 0.1))})
    second = Run(columns={"loss": column((1, 0.5), (2, math.nan)), "accuracy": column((2, 0.125))})
    return compare(
        Side("base", MANIFEST, first, replace(cases["sick"], groups=groups[:1])),
        Side("fix", other, second, replace(cases["sick"], groups=groups[1:])),
    )


def test_in_words(parted: Comparison, root: Path, compare_golden: Callable[[str, str], None]) -> None:
    compare_golden("side_by_side/parted.txt", in_words(parted, root))


def test_as_json(parted: Comparison, frame: Frame, compare_golden: Callable[[str, str], None]) -> None:
    text = as_json(parted, frame)
    assert json.loads(text)["schema"] == "osler.comparison/1"
    compare_golden("side_by_side/parted.json", text)


def test_hostile_names_steer_nothing(hostile: Diagnosis, frame: Frame) -> None:
    trap = "\x1b[31m\u202e\ud800\n"
    first = Side(trap, {"argv": [trap], "environment": {trap: trap}}, Run(), hostile)
    found = compare(first, Side(trap, {}, Run(columns={trap: column((1, math.inf))}), Diagnosis()))
    for text in (in_words(found, frame.root), as_json(found, frame)):
        assert not set("\x1b\u202e\ud800") & set(text)
        text.encode()


@pytest.mark.parametrize(
    ("parted", "expected"),
    [
        (Parting(0), "no step has a loss in both"),
        (Parting(1), "the losses are the same, bit for bit, in 1 value compared"),
        (Parting(7), "the losses are the same, bit for bit, in 7 values compared"),
        (Parting(7, 3, 0.1, 0.10000000000000002), "the losses part at step 3 (0.1 and 0.10000000000000002)"),
        (Parting(1, 1, 0.0, -0.0), "the losses part at step 1 (0.0 and -0.0)"),
    ],
)
def test_losses(parted: Parting, expected: str) -> None:
    assert losses(parted) == expected


def test_two_runs_without_anything(root: Path) -> None:
    nothing = Side("a", {}, Run(), Diagnosis())
    words = in_words(compare(nothing, replace(nothing, name="b")), root)
    assert (
        words
        == "osler: a and b: 0 differing settings; no step has a loss in both; 0 findings gained, 0 lost\n"
    )
