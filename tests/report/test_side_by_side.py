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


def shown(first: dict[str, Column], second: dict[str, Column]) -> list[str]:
    """The lines about curves."""
    sides = [Side(n, {}, Run(columns=c), Diagnosis()) for n, c in (("a", first), ("b", second))]
    return in_words(compare(*sides), Path("/")).splitlines()[1:]


def test_the_loss_comes_first_and_what_does_not_differ_is_named_in_a_line() -> None:
    same = {"lr": column((1, 0.1)), "odd": column((1, math.nan))}
    first = {"accuracy": column((1, 0.5)), "loss": column((1, 2.0)), **same}
    second = {"accuracy": column((1, 0.75)), "loss": column((1, 1.0)), **same}
    assert shown(first, second) == [
        "  measure   run  last  min   at the same step",
        "  loss      a    2     2     2 (step 1)",
        "            b    1     1     1 (step 1)",
        "  accuracy  a    0.5   0.5   0.5 (step 1)",
        "            b    0.75  0.75  0.75 (step 1)",
        "  the same in both: lr, odd",
    ]


def test_series_of_parts_are_counted() -> None:
    first = {f"gradient_norm:fc{n}": column((1, 0.5)) for n in range(40)}
    second = first | {"gradient_norm:fc7": column((1, 0.25)), "gradient_norm:new": column((1, 1.0))}
    assert shown(first, second) == [
        "  41 more series of single parameters, labels or loaders, 2 differ: see --json"
    ]
    assert shown(first, first) == [
        "  40 more series of single parameters, labels or loaders, 0 differ: see --json"
    ]
