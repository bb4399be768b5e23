"""`view` where `transpose` was meant, and all the reshapes that only split and merge."""

import pytest

from osler.checks.modules.axes_mixed_by_reshape import check, heads_merged, moved_axis
from osler.model import GraphFact, ReshapeFact, Run
from osler.testing import assert_silent, findings, place

Sizes = tuple[int, ...]


@pytest.mark.parametrize(
    ("before", "after", "axis"),
    [
        ((8, 10, 12), (8, 4, 10, 3), 10),  # heads
        ((8, 16, 32), (8, 4, 16, 8), 16),  # heads, powers of two
        ((8, 17, 5), (8, 5, 17), 17),  # classes in front
        ((32, 24, 24, 3), (32, 3, 24, 24), 24),  # channels in front
        ((12, 25, 7), (25, 12, 7), 25),  # batch in front
        ((2, 25, 7), (25, 14), 25),  # the last states of both directions
        ((1, 8, 10, 12), (1, 8, 4, 1, 10, 3), 10),  # sizes of 1 do not matter
    ],
)
def test_an_axis_that_only_seems_to_move(before: Sizes, after: Sizes, axis: int) -> None:
    assert moved_axis(before, after) == axis


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((8, 10, 12), (8, 10, 4, 3)),  # heads
        ((8, 10, 4, 3), (8, 10, 12)),
        ((8, 10, 12), (80, 12)),
        ((8, 3, 24, 24), (8, 3, 6, 4, 6, 4)),  # patches
        ((8, 3, 24, 24), (8, 1728)),
        ((8, 64, 8, 8), (8, 8, 512)),  # groups as many as rows
        ((8, 64, 8, 8), (8, 4, 16, 8, 8)),  # shuffled channels
        ((8, 4, 10, 11), (8, 4, 11, 10)),  # relative positions
        ((8, 10, 24), (8, 20, 12)),  # twice as many positions of half the width
        ((25, 1, 7), (1, 25, 7)),
        ((1, 25, 7), (25, 7)),
        ((60, 8), (30, 16)),
        ((6, 10), (15, 4)),  # cut anew, and nothing comes back
        ((8, 12, 12), (8, 12, 12)),
        ((8, 512), (8, 128, 2, 2)),
        ((16, 16, 9), (256, 9)),
    ],
)
def test_splits_merges_and_new_cuts(before: Sizes, after: Sizes) -> None:
    assert moved_axis(before, after) == 0


@pytest.mark.parametrize(
    ("before", "after", "axis"),
    [
        ((8, 4, 24, 8), (8, 24, 32), 24),
        ((32, 24, 8), (8, 24, 32), 24),
        ((8, 4, 24, 8), (8, 96, 8), 0),  # merged in their order
        ((8, 24, 4, 8), (8, 24, 32), 0),  # moved ahead of it
        ((8, 4, 4, 8), (8, 4, 32), 0),  # as many heads as positions: either may be meant
        ((8, 1, 24, 8), (8, 24, 8), 0),
        ((24, 8), (24, 8), 0),
        ((8, 4, 24, 8), (8, 12, 64), 0),
        ((8, 4, 24, 8), (8, 24, 33), 0),
    ],
)
def test_heads_that_are_merged_without_being_moved(before: Sizes, after: Sizes, axis: int) -> None:
    assert heads_merged(before, after) == axis


@pytest.mark.parametrize("of_product", [True, False])
def test_heads_are_those_of_a_product(of_product: bool) -> None:
    run = run_with((8, 4, 24, 8), (8, 24, 32), of_product=of_product)
    assert len(findings(run, [check])) == of_product


def run_with(before: Sizes, after: Sizes, *, called: bool = True, of_product: bool = False) -> Run:
    graph = GraphFact(
        (place(30),),
        ("NllLossBackward0", "ViewBackward0"),
        ((0, 1),),
        (),
        places=(place(12),),
        called=((1, 0),) if called else (),
        reshaped=(ReshapeFact(1, before, after, of_product),),
    )
    return Run(graphs={graph.site: graph})


def test_says_what_was_seen() -> None:
    (found,) = findings(run_with((8, 10, 12), (8, 4, 10, 3)), [check])
    assert found.place.line == 12
    assert found.message == (
        "A tensor of (8, 10, 12) is read as (8, 4, 10, 3) here: the axis of 10 seems to have moved, but no "
        "number has, and so each of its rows holds parts of others."
    )
    assert [(e.measure, e.value, e.expected) for e in found.evidence] == [
        ("size of the axis", 10, "at its place, or split or merged there")
    ]


def test_stays_quiet() -> None:
    assert_silent(run_with((8, 10, 12), (8, 10, 4, 3)), [check])
    assert_silent(run_with((8, 10, 12), (8, 4, 10, 3), called=False), [check])  # where is not known
    assert_silent(Run(), [check])
