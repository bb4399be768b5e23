"""The first loss against that of a guess: of which samples it is taken decides whether it can be judged."""

import math

import pytest
import torch

from osler.model import Diagnosis, Finding
from osler.preflight.experiments.initial_loss import error_of
from osler.testing import try_out

NET = "net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)){scale}\n"
LOOP = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        {ahead}
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
LARGE = "\nwith torch.no_grad(): net[2].weight.mul_(40)"
CE = "F.cross_entropy(net(x), y)"
HARDEST = (
    "losses = torch.no_grad()(lambda: F.cross_entropy(net(x), y, reduction='none'))(); "
    "picked = losses.topk(6).indices; x, y = x[picked], y[picked]"
)


def tried(scale: str = "", ahead: str = "pass", loss: str = CE) -> Diagnosis:
    return try_out(NET.format(scale=scale) + LOOP.format(ahead=ahead, loss=loss), "initial-loss")


def unexpected(diagnosis: Diagnosis) -> list[Finding]:
    return [f for f in diagnosis.findings if f.check == "initial-loss-unexpected"]


def test_a_guess_is_answered_with_both_numbers() -> None:
    (answer,) = tried().experiments
    assert answer.values["chance"] == pytest.approx(math.log(4))
    assert answer.answer.endswith(f"a guess gives ln 4 = {math.log(4):.4g}")


def test_large_scores_are_told() -> None:
    (found,) = unexpected(tried(scale=LARGE))
    assert "The scores are large before anything was learned" in found.message


PARTS = {
    "a half of the batch": "x, y = x[: len(x) // 2], y[: len(y) // 2]",
    "the last samples": "x, y = x[-5:], y[-5:]",
    "all in another order": "x, y = x.flip(0), y.flip(0)",
    "all of them": "pass",
}


@pytest.mark.parametrize("ahead", PARTS.values(), ids=PARTS.keys())
def test_parts_of_a_batch_are_judged(ahead: str) -> None:
    assert unexpected(tried(scale=LARGE, ahead=ahead)) != []
    assert unexpected(tried(ahead=ahead)) == []


PICKED = {
    "the hardest": HARDEST,
    "by chance": "keep = torch.randperm(len(y))[:5]; x, y = x[keep], y[keep]",
    "by a mask": "keep = torch.arange(len(y)) % 3 == 0; x, y = x[keep], y[keep]",
}


@pytest.mark.parametrize("ahead", PICKED.values(), ids=PICKED.keys())
def test_picked_samples_are_not(ahead: str) -> None:
    diagnosis = tried(scale=LARGE, ahead=ahead)
    (answer,) = diagnosis.experiments
    assert (
        answer.skipped == "the loss is taken of samples that were picked from the batch, perhaps the hardest"
    )
    assert unexpected(diagnosis) == []


def test_a_loss_whose_chance_is_not_known() -> None:
    (answer,) = tried(loss="F.kl_div(net(x).log_softmax(1), net(x).softmax(1).detach())").experiments
    assert answer.skipped == "chance is not known for kl_div"


def test_a_loss_of_the_scripts_own() -> None:
    (answer,) = tried(loss="net(x).square().mean()").experiments
    assert answer.skipped == "no loss function of torch was called in the first turn"


def test_samples_of_one_class_are_not_independent() -> None:
    """By hand: two classes of losses 1 and 3, fifty times each, are two trials and not a hundred."""
    rows = torch.tensor([1.0, 3.0], dtype=torch.float64).repeat(50)
    alike = torch.tensor([0, 1]).repeat(50)
    assert error_of(rows, None) == pytest.approx(1.005 / 10, rel=1e-3)
    assert error_of(rows, alike) == pytest.approx(2**0.5 / 2 * 2**0.5, rel=1e-9)


def test_classes_that_tell_nothing_leave_the_error_as_it_is() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(4000, generator=generator, dtype=torch.float64)
    alike = torch.randint(0, 50, (4000,), generator=generator)
    assert error_of(rows, alike) == pytest.approx(error_of(rows, None), rel=0.25)


def test_one_class_alone_says_nothing_of_the_others() -> None:
    assert error_of(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4, 4, 4])) == pytest.approx(3**-0.5)


FAMILIAR = {
    "log-probabilities": ("F.nll_loss(F.log_softmax(net(x), 1), y)", 4),
    "probabilities of yes": ("F.binary_cross_entropy(net(x)[:, 0].sigmoid(), (y > 1).float())", 2),
}


@pytest.mark.parametrize(("loss", "classes"), FAMILIAR.values(), ids=FAMILIAR)
def test_probabilities_are_judged_like_scores(loss: str, classes: int) -> None:
    (answer,) = tried(loss=loss).experiments
    assert answer.answer.endswith(f"a guess gives ln {classes} = {math.log(classes):.4g}")
    assert unexpected(tried(loss=loss)) == []
    (found,) = unexpected(tried(scale=LARGE, loss=loss))
    assert f"a guess gives ln {classes}" in found.message


def test_a_probability_of_one_is_no_endless_score() -> None:
    scale = LARGE.replace("40", "4000")
    (found,) = unexpected(tried(scale=scale, loss=FAMILIAR["probabilities of yes"][0]))
    assert all(math.isfinite(item.value) for item in found.evidence)


def test_scores_that_are_no_log_probabilities_are_not_judged() -> None:
    (answer,) = tried(scale=LARGE, loss="F.nll_loss(net(x), y)").experiments
    assert (answer.answer, answer.skipped) == ("", "chance is not known for nll_loss")
