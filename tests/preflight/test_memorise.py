"""How low a loss can go, and whether it was still on its way."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from osler.preflight.memorise import Attempt, floor_of, has_floor, in_a_word, majority
from osler.replay.turn import LossCall, Root


def bench(function, inputs=None, parts=1.0, **given):
    value = getattr(F, function)(given["input"], given["target"], **options(given))
    call = LossCall(function, given, value, ())
    roots = (Root(float(value) / parts, 1, (), True, ()),)
    forward = SimpleNamespace(args=(inputs,)) if inputs is not None else None
    return SimpleNamespace(loss=call, root=roots[0], seen=SimpleNamespace(roots=roots), forward=forward)


def options(given):
    return {k: v for k, v in given.items() if k not in ("input", "target")}


SCORES = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def test_class_ids_have_no_floor():
    assert floor_of(bench("cross_entropy", torch.randn(6, 4), input=SCORES, target=LABELS)) == 0


def test_equal_inputs_with_different_labels():
    same = torch.zeros(6, 4)
    found = floor_of(bench("cross_entropy", same, input=SCORES, target=LABELS))
    assert found == pytest.approx(math.log(3))
    pairs = torch.tensor([[1.0], [2.0], [2.0], [3.0], [4.0], [4.0]])
    found = floor_of(bench("cross_entropy", pairs, input=SCORES, target=LABELS))
    assert found == pytest.approx(2 / 6 * math.log(2))


def test_smoothed_and_soft_labels():
    smoothed = bench("cross_entropy", torch.randn(6, 4), input=SCORES, target=LABELS, label_smoothing=0.1)
    best = torch.full((6, 3), 0.1 / 3).scatter(1, LABELS[:, None], 0.9 + 0.1 / 3).log()
    assert floor_of(smoothed) == pytest.approx(float(F.cross_entropy(best, LABELS, label_smoothing=0.1)))
    soft = torch.full((6, 3), 1 / 3)
    assert floor_of(bench("cross_entropy", input=SCORES, target=soft)) == pytest.approx(math.log(3))


def test_soft_yes_and_no():
    target = torch.full((6, 3), 0.5)
    found = floor_of(bench("binary_cross_entropy_with_logits", input=SCORES, target=target))
    assert found == pytest.approx(math.log(2))


def test_the_floor_is_known_for_one_loss_alone():
    alone = bench("cross_entropy", input=SCORES, target=LABELS)
    assert has_floor(alone)
    assert has_floor(bench("cross_entropy", input=SCORES, target=LABELS, parts=4))
    assert not has_floor(bench("cross_entropy", input=SCORES, target=LABELS, parts=0.8)), "a penalty on top"
    assert not has_floor(bench("cross_entropy", input=SCORES, target=LABELS, parts=-1)), "turned round"
    assert not has_floor(bench("nll_loss", input=SCORES.softmax(1), target=LABELS)), "below zero"
    assert not has_floor(bench("kl_div", input=SCORES, target=SCORES.softmax(1), reduction="batchmean"))


def attempt(losses):
    return Attempt(1.0, tuple(losses), None, complete=True, rate_kept=True)


def test_falling_is_more_than_noise():
    assert attempt(1e6 - i for i in range(200)).falling, "slow, but on its way"
    assert not attempt([2.3] * 200).falling
    noise = torch.randn(200, generator=torch.Generator().manual_seed(1)).tolist()
    assert not attempt(1 + 0.1 * n for n in noise).falling
    assert attempt([3.0, 2.0]).falling, "too short to tell"


def test_in_a_word():
    assert in_a_word(2.3, 0.1, 0.0) == "yes: "
    assert in_a_word(2.3, 0.9, 0.0) == "in part: "
    assert in_a_word(2.3, 2.2, 0.0) == "no: "
    assert in_a_word(0.5, 0.5, 0.5) == "yes: "


def test_majority():
    assert majority(bench("cross_entropy", input=SCORES, target=LABELS).loss) == pytest.approx(1 / 3)
    assert majority(bench("mse_loss", input=SCORES, target=SCORES).loss) is None
    assert majority(None) is None
