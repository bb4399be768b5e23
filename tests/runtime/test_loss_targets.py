"""Targets of losses: what an output cannot reach, which layer put it out, and labels for each class."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from osler.runtime.loss_targets import (
    activation,
    is_layer,
    label_rows,
    labels_together,
    reach,
    reaches_together,
)
from osler.testing import place

SITE = (place(12),)
ROWS = torch.randn(6, 8)
FRAME = torch.randn(2, 3, 8)
LAYER = nn.Linear(8, 4)
BARE = nn.Linear(8, 4, bias=False)
CONV = nn.Conv1d(3, 5, 1)
WEIGHT = nn.Parameter(torch.randn(6, 4))


@pytest.mark.parametrize(
    ("make", "made_by"),
    [
        (lambda: LAYER(ROWS).sigmoid(), "sigmoid"),
        (lambda: LAYER(ROWS).tanh()[:, 0].unsqueeze(1).double(), "tanh"),
        (lambda: LAYER(FRAME).softmax(-1).transpose(1, 2).reshape(-1), "softmax"),
        (lambda: F.softplus(LAYER(ROWS)).chunk(2, 1)[1], "softplus"),
        (lambda: torch.stack([LAYER(ROWS).relu(), LAYER(ROWS).relu()]), "relu"),
        (lambda: torch.cat([LAYER(ROWS).relu(), LAYER(ROWS).tanh()]), ""),
        (lambda: torch.cat([LAYER(ROWS).relu(), torch.zeros(1, 4)]), ""),
        (lambda: 2 * LAYER(ROWS).sigmoid(), "mul"),
        (lambda: LAYER(ROWS), "addmm"),
        (lambda: torch.zeros(3), ""),
    ],
)
def test_what_the_values_come_out_of(make, made_by):
    assert activation(make().grad_fn) == made_by


@pytest.mark.parametrize(
    ("make", "classes", "is_one"),
    [
        (lambda: LAYER(ROWS), 4, True),
        (lambda: LAYER(FRAME).movedim(-1, 1), 4, True),
        (lambda: BARE(ROWS), 4, True),
        (lambda: BARE(LAYER.weight @ LAYER.weight.T @ LAYER.weight), 4, True),
        (lambda: CONV(FRAME), 5, True),
        (lambda: LAYER(ROWS) / 0.1, 4, True),
        (lambda: LAYER(ROWS) + torch.randn(4), 4, True),
        (lambda: LAYER(ROWS).reshape(3, 8), 8, False),
        (lambda: LAYER(ROWS) + LAYER(ROWS), 4, False),
        (lambda: LAYER(ROWS) @ LAYER(ROWS).T, 6, False),
        (lambda: LAYER(ROWS) @ ROWS[:, :4].T, 6, False),
        (lambda: WEIGHT @ WEIGHT.T, 6, False),
        (lambda: LAYER(ROWS).relu(), 4, False),
        (lambda: WEIGHT, 4, False),
        (lambda: torch.zeros(3, 4), 4, False),
    ],
)
def test_which_scores_a_layer_puts_out(make, classes, is_one):
    assert is_layer(make().grad_fn, classes) is is_one


def given(scores, target, **others):
    return {"input": scores, "target": target, "reduction": "mean", **others}


def test_how_many_targets_lie_outside():
    target = torch.tensor([-0.2, -0.3, 0.0, 0.5, 1.0, 1.2, 1.3, 9.0])
    fact = reach("mse_loss", SITE, given(LAYER(ROWS).sigmoid()[:2].flatten(), target), 3)
    assert fact is not None
    assert (fact.made_by, fact.low, fact.high, fact.step) == ("sigmoid", 0, 1, 3)
    assert (fact.targets, fact.outside, fact.far, fact.lately) == (8, 5, 3, 3 / 8)
    assert (fact.lowest, fact.highest) == pytest.approx((-0.3, 9))


def test_one_end_is_measured_by_the_size_of_the_targets():
    target = torch.tensor([[-0.5, -3.0, 5.0, 0.0]])  # root mean square 2.9
    fact = reach("l1_loss", SITE, given(LAYER(ROWS[:1]).relu(), target), 0)
    assert fact is not None
    assert (fact.high, fact.outside, fact.far) == (math.inf, 2, 1)


def test_noise_about_a_positive_quantity_is_not_far():
    target = torch.tensor([[-1.0, -1.0, 4.0, 2.0]])
    fact = reach("l1_loss", SITE, given(LAYER(ROWS[:1]).relu(), target), 0)
    assert fact is not None
    assert (fact.outside, fact.far) == (2, 0)


def test_only_so_many_targets_are_looked_at():
    fact = reach("mse_loss", SITE, given(LAYER(ROWS).sigmoid(), torch.ones(1 << 10, 1 << 8)), 0)
    assert fact is not None
    assert fact.targets == 1 << 16


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("mse_loss", given(LAYER(ROWS), ROWS[:, :4])),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), LAYER(ROWS))),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), ROWS[:, :4], weight=torch.ones(6, 4))),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), ROWS[:, :4], reduce=False)),
        ("mse_loss", {**given(LAYER(ROWS).sigmoid(), ROWS[:, :4]), "reduction": "none"}),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), torch.full((6, 4), math.nan))),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), torch.full((6, 4), math.inf))),
        ("mse_loss", given(LAYER(ROWS).sigmoid()[:0], torch.empty(0, 4))),
        ("kl_div", given(LAYER(ROWS).sigmoid(), ROWS[:, :4])),
        ("cross_entropy", given(LAYER(ROWS).sigmoid(), ROWS[:, :4])),
        ("mse_loss", given(LAYER(ROWS).sigmoid(), 3.0)),
    ],
)
def test_nothing_is_said_where_nothing_limits(function, arguments):
    assert reach(function, SITE, arguments, 0) is None


def test_a_single_number_and_whole_numbers():
    one = reach("mse_loss", SITE, given(LAYER(ROWS).tanh().mean(), torch.tensor(3.0)), 0)
    assert one is None
    one = reach("mse_loss", SITE, given(LAYER(ROWS).tanh()[0, 0], torch.tensor(3)), 0)
    assert one is not None
    assert (one.targets, one.far) == (1, 1)


def test_later_calls_count_more():
    scores, target = LAYER(ROWS).tanh(), torch.full((6, 4), 2.0)
    before = reach("mse_loss", SITE, given(scores, target), 0)
    after = reach("mse_loss", SITE, given(scores, target / 4), 1)
    assert before is not None
    assert after is not None
    fact = reaches_together(reaches_together(before, after), after)
    assert (fact.tests, fact.targets, fact.far, fact.lately, fact.step) == (3, 72, 24, 0.25, 0)
    assert (fact.lowest, fact.highest) == (0.5, 2)


def test_labels_of_rows():
    target = torch.tensor(
        [[1.0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    )
    fact = label_rows("cross_entropy", SITE, given(LAYER(ROWS), target), 0, [ROWS])
    assert fact is not None
    assert (fact.classes, fact.rows, fact.several, fact.fewest, fact.most) == (4, 6, 2, 0, 3)
    assert (fact.of_layer, fact.entered) == (True, False)
    same = label_rows("cross_entropy", SITE, given(LAYER(ROWS), target), 0, [ROWS, target.clone().double()])
    assert same is not None
    assert same.entered


def test_one_look_at_other_targets_says_that_they_are_no_labels():
    tags = label_rows("cross_entropy", SITE, given(LAYER(ROWS), torch.ones(6, 4)), 0, [])
    soft = label_rows("cross_entropy", SITE, given(LAYER(ROWS), torch.rand(6, 4)), 1, [])
    ids = label_rows("cross_entropy", SITE, given(LAYER(ROWS), torch.zeros(6).long()), 1, [])
    assert tags is not None
    assert (tags.fewest, tags.most, tags.several) == (4, 4, 6)
    for other in (soft, ids):
        assert other is not None
        assert other.most == 0
        fact = labels_together(tags, other)
        assert (fact.tests, fact.fewest, fact.most, fact.of_layer) == (2, 0, 0, False)


@pytest.mark.parametrize(
    ("function", "scores"),
    [("nll_loss", LAYER(ROWS)), ("cross_entropy", LAYER(ROWS)[0]), ("mse_loss", LAYER(ROWS))],
)
def test_other_losses_have_no_rows(function, scores):
    assert label_rows(function, SITE, given(scores, torch.ones_like(scores)), 0, []) is None
