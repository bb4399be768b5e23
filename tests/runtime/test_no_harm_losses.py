"""Every loss of torch, as a module and as a function: the same to the bit with Osler, and no finding."""

import inspect
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osler.session import watch

torch.set_num_threads(1)

STEPS, ROWS, CLASSES = 10, 12, 4

Loss = Callable[[Tensor], Tensor]
"""Of the scores of the network: (rows, classes)."""


def labels() -> Tensor:
    return torch.randint(CLASSES, (ROWS,))


def bits() -> Tensor:
    return torch.randint(2, (ROWS, CLASSES)).float()


def signs(*shape: int) -> Tensor:
    return torch.randint(2, shape) * 2.0 - 1


def shares() -> Tensor:
    return torch.rand(ROWS, CLASSES).softmax(1)


def likewise(scores: Tensor) -> Tensor:
    return torch.randn(scores.shape)


LOSSES: dict[str, Loss] = {
    "BCELoss": lambda s: nn.BCELoss()(s.sigmoid(), bits()),
    "BCEWithLogitsLoss": lambda s: nn.BCEWithLogitsLoss(pos_weight=torch.ones(CLASSES) * 2)(s, bits()),
    "CTCLoss": lambda s: nn.CTCLoss()(
        s.log_softmax(1)[:, None], torch.tensor([[1, 2, 1]]), torch.tensor([ROWS]), torch.tensor([3])
    ),
    "CosineEmbeddingLoss": lambda s: nn.CosineEmbeddingLoss(0.1)(s[::2], s[1::2], signs(ROWS // 2)),
    "CrossEntropyLoss": lambda s: nn.CrossEntropyLoss()(s, labels()),
    "GaussianNLLLoss": lambda s: nn.GaussianNLLLoss()(s[:, :1], torch.randn(ROWS, 1), F.softplus(s[:, 1:2])),
    "HingeEmbeddingLoss": lambda s: nn.HingeEmbeddingLoss()(s.norm(dim=1), signs(ROWS)),
    "HuberLoss": lambda s: nn.HuberLoss(delta=0.5)(s, likewise(s)),
    "KLDivLoss": lambda s: nn.KLDivLoss(reduction="batchmean")(s.log_softmax(1), shares()),
    "L1Loss": lambda s: nn.L1Loss()(s, likewise(s)),
    "MSELoss": lambda s: nn.MSELoss()(s, likewise(s)),
    "MarginRankingLoss": lambda s: nn.MarginRankingLoss(0.2)(s[:, 0], s[:, 1], signs(ROWS)),
    "MultiLabelMarginLoss": lambda s: nn.MultiLabelMarginLoss()(s, torch.tensor([[1, 2, -1, 0]] * ROWS)),
    "MultiLabelSoftMarginLoss": lambda s: nn.MultiLabelSoftMarginLoss()(s, bits()),
    "MultiMarginLoss": lambda s: nn.MultiMarginLoss()(s, labels()),
    "NLLLoss": lambda s: nn.NLLLoss()(s.log_softmax(1), labels()),
    "PoissonNLLLoss": lambda s: nn.PoissonNLLLoss()(s, torch.randint(5, s.shape).float()),
    "SmoothL1Loss": lambda s: nn.SmoothL1Loss(beta=0.5)(s, likewise(s)),
    "SoftMarginLoss": lambda s: nn.SoftMarginLoss()(s, signs(*s.shape)),
    "TripletMarginLoss": lambda s: nn.TripletMarginLoss()(s[::3], s[1::3], s[2::3]),
    "TripletMarginWithDistanceLoss": lambda s: nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - F.cosine_similarity(a, b)
    )(s[::3], s[1::3], s[2::3]),
}

WITH_WEIGHTS = {"AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"}
"""These hold the last layer themselves."""

FORMS: dict[str, Loss] = {
    "labels left out": lambda s: F.cross_entropy(s, labels().where(torch.arange(ROWS) % 3 > 0, -100)),
    "labels left out by another number": lambda s: F.cross_entropy(
        s, labels().where(torch.arange(ROWS) % 3 > 0, -1), ignore_index=-1
    ),
    "weights of classes": lambda s: F.cross_entropy(s, labels(), weight=torch.rand(CLASSES) + 0.5),
    "smoothed labels": lambda s: F.cross_entropy(s, labels(), label_smoothing=0.1),
    "shares of classes": lambda s: F.cross_entropy(s, shares()),
    "mixed labels": lambda s: 0.3 * F.cross_entropy(s, labels()) + 0.7 * F.cross_entropy(s, labels()),
    "a sum": lambda s: F.cross_entropy(s, labels(), reduction="sum") / ROWS,
    "each one, then their mean": lambda s: F.cross_entropy(s, labels(), reduction="none").mean(),
    "the hardest ones": lambda s: F.cross_entropy(s, labels(), reduction="none").topk(3).values.mean(),
    "a focal loss": lambda s: focal(F.cross_entropy(s, labels(), reduction="none")),
    "by keywords": lambda s: F.cross_entropy(target=labels(), input=s),
    "one sample at a time": lambda s: torch.stack(
        [F.cross_entropy(row, label) for row, label in zip(s, labels(), strict=True)]
    ).mean(),
    "pixels": lambda s: F.cross_entropy(s.T.reshape(1, CLASSES, 3, 4), torch.randint(CLASSES, (1, 3, 4))),
    "probabilities and their logarithm": lambda s: F.nll_loss((s.softmax(1) + 1e-9).log(), labels()),
    "picked by hand": lambda s: -s.log_softmax(1).gather(1, labels()[:, None]).mean(),
    "log-sum-exp by hand": lambda s: (s.logsumexp(1) - s[torch.arange(ROWS), labels()]).mean(),
    "targets of another float type": lambda s: F.mse_loss(s, likewise(s).double().float()),
    "one column": lambda s: F.mse_loss(s[:, 0], torch.randn(ROWS)),
    "one column that is kept": lambda s: F.mse_loss(s[:, :1], torch.randn(ROWS, 1)),
    "errors by hand": lambda s: ((s - likewise(s)) ** 2).mean(),
    "a root of errors": lambda s: F.mse_loss(s, likewise(s)).sqrt(),
    "a log-cosh": lambda s: (s - likewise(s)).cosh().log().mean(),
    "a quantile": lambda s: pinball(s - likewise(s), 0.9),
    "weighted errors": lambda s: (F.l1_loss(s, likewise(s), reduction="none") * torch.rand(ROWS, 1)).mean(),
    "masked errors": lambda s: (
        F.mse_loss(s, likewise(s), reduction="none")[bits() > 0].sum() / (ROWS * CLASSES)
    ),
    "a distribution": lambda s: -torch.distributions.Normal(s, 1.0).log_prob(likewise(s)).mean(),
    "classes of a distribution": lambda s: (
        -torch.distributions.Categorical(logits=s).log_prob(labels()).mean()
    ),
    "a divergence of distributions": lambda s: torch.distributions.kl_divergence(
        torch.distributions.Normal(s, 1.0), torch.distributions.Normal(0.0, 1.0)
    ).mean(),
    "a contrast within the batch": lambda s: contrast(F.normalize(s[::2]), F.normalize(s[1::2])),
    "weights that decay in the loss": lambda s: F.mse_loss(s, likewise(s)) + 1e-3 * s.pow(2).mean(),
    "an entropy that is raised": lambda s: (
        F.cross_entropy(s, labels()) - 0.01 * torch.distributions.Categorical(logits=s).entropy().mean()
    ),
    "a teacher": lambda s: (
        F.kl_div(s.log_softmax(1), shares(), reduction="batchmean") * 0.5 + F.cross_entropy(s, labels()) * 0.5
    ),
    "logarithms of a teacher": lambda s: F.kl_div(
        s.log_softmax(1), shares().log(), reduction="batchmean", log_target=True
    ),
    "one class or the other": lambda s: F.binary_cross_entropy_with_logits(s[:, 0], (labels() > 1).float()),
    "one class or the other, each its weight": lambda s: F.binary_cross_entropy(
        s[:, 0].sigmoid(), (labels() > 1).float(), weight=torch.rand(ROWS)
    ),
    "a dice": lambda s: dice(s.sigmoid(), bits()),
}


def focal(each: Tensor) -> Tensor:
    return ((1 - (-each).exp()) ** 2 * each).mean()


def pinball(error: Tensor, quantile: float) -> Tensor:
    return torch.maximum((quantile - 1) * error, quantile * error).mean()


def contrast(one: Tensor, other: Tensor) -> Tensor:
    scores = one @ other.T / 0.5
    pairs = torch.arange(len(one))
    return (F.cross_entropy(scores, pairs) + F.cross_entropy(scores.T, pairs)) / 2


def dice(chances: Tensor, truth: Tensor) -> Tensor:
    return 1 - (2 * (chances * truth).sum() + 1) / (chances.sum() + truth.sum() + 1)


def trained(loss_of: Loss) -> list[Tensor]:
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses: list[Tensor] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model(torch.randn(ROWS, 3)))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [*losses, *model.parameters()]


def test_every_loss_of_torch_is_among_these() -> None:
    kinds = {n for n, kind in vars(nn).items() if n.endswith("Loss") and inspect.isclass(kind)}
    assert kinds - WITH_WEIGHTS <= set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(unharmed, name: str) -> None:
    session = unharmed(lambda: trained(LOSSES[name]))
    assert session.run.steps == STEPS
    assert len(session.run.columns["loss"]) == STEPS


@pytest.mark.parametrize("loss", FORMS.values(), ids=FORMS)
def test_losses_as_they_are_written(unharmed, loss: Loss) -> None:
    assert unharmed(lambda: trained(loss)).run.steps == STEPS


def test_a_loss_with_a_layer_of_its_own(unharmed) -> None:
    def train() -> list[Tensor]:
        body = nn.Linear(3, 32)
        head = nn.AdaptiveLogSoftmaxWithLoss(32, 12, cutoffs=[4, 8])
        optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
        for _ in range(STEPS):
            optimizer.zero_grad()
            head(body(torch.randn(ROWS, 3)), torch.randint(12, (ROWS,))).loss.backward()
            optimizer.step()
        return [*body.parameters(), *head.parameters()]

    assert unharmed(train).run.steps == STEPS


def test_weights_of_terms_that_are_learned(unharmed) -> None:
    def train() -> list[Tensor]:
        model, scales = nn.Linear(3, CLASSES), nn.Parameter(torch.zeros(2))
        optimizer = torch.optim.Adam([*model.parameters(), scales], lr=0.01)
        for _ in range(STEPS):
            optimizer.zero_grad()
            scores = model(torch.randn(ROWS, 3))
            terms = torch.stack([F.cross_entropy(scores, labels()), F.mse_loss(scores, likewise(scores))])
            (terms * (-scales).exp() + scales).sum().backward()
            optimizer.step()
        return [*model.parameters(), scales]

    assert unharmed(train).run.steps == STEPS


class Focal(nn.Module):
    """A loss of one's own that is a module, as most are written."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", torch.ones(CLASSES))

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        each = F.cross_entropy(scores, target, weight=self.weight, reduction="none")
        return ((1 - (-each).exp()) ** self.gamma * each).mean()


@pytest.mark.parametrize(
    "loss",
    [
        Focal(),
        nn.CrossEntropyLoss().double().float(),
        nn.CrossEntropyLoss().eval(),
        torch.jit.script(Focal()),
    ],
    ids=["own", "moved", "evaluating", "scripted"],
)
def test_losses_that_are_modules(unharmed, loss: nn.Module) -> None:
    assert unharmed(lambda: trained(lambda scores: loss(scores, labels()))).run.steps == STEPS


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_loss_that_is_not_finite_is_no_failure_of_osler(value: float) -> None:
    with watch(quiet=True) as session:
        trained(lambda scores: scores.mean() * value)
    assert session.watcher.guard.failures == []
    assert session.diagnosis.failed == {}
    assert "loss-not-finite" in {f.check for f in session.diagnosis.headlines}
