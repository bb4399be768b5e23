import pytest

from osler.checks.loss.loss_not_reduced import check
from osler.testing import read

CODE = """
for x, y in loader:
    loss = F.cross_entropy(model(x), y, reduction="none")
    loss.backward(torch.ones_like(loss))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        '`backward()` starts from a loss with `reduction="none"`: one number for each sample.',
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


EACH = '`backward()` starts from a loss with `reduction="none"`: one number for each sample.'
EVERY = 'each = nn.CrossEntropyLoss(reduction="none")\n'
LOOP = EVERY + "for x, y in loader:\n    loss = each(model(x), y)\n    {}\n"


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


@pytest.mark.parametrize(
    "line",
    [
        "loss.backward()",
        "loss.backward(torch.ones_like(loss))",
        "loss.backward(gradient=torch.ones(16))",
        "loss.backward(y.new_ones(16))",
        "torch.autograd.backward(loss, torch.ones_like(loss))",
        "each(model(x), y).backward(torch.ones(16))",
    ],
)
def test_every_sample_counts_one(line: str) -> None:
    assert told(LOOP.format(line)) == [EACH]


def test_a_class_that_trains() -> None:
    code = """
class Trainer:
    def __init__(self, model):
        self.model, self.loss = model, nn.MSELoss(reduction="none")

    def step(self, x, y):
        loss = self.loss(self.model(x), y)
        loss.backward(torch.ones_like(loss))

trainer = Trainer(model)
for x, y in loader:
    trainer.step(x, y)
"""
    assert told(code) == [EACH]


@pytest.mark.parametrize(
    "line",
    [
        "loss.mean().backward()",
        "loss.sum().backward()",
        "(loss * weights).sum().backward()",
        "(loss * y.gt(1)).mean().backward()",
        "loss[y > 1].mean().backward()",
        "loss[0].backward()",
        "loss.topk(4).values.mean().backward()",
        "torch.sort(loss)[0][:8].mean().backward()",
        "torch.dot(loss, weights).backward()",
        "loss.logsumexp(0).backward()",
        "loss.max().backward()",
        "loss = loss.view(-1).mean(0)\n    loss.backward()",
        "loss.backward(weights)",
        "loss.backward(gradient=weights / weights.sum())",
        "loss.backward(torch.ones_like(loss) / len(loss))",
        "loss.backward(torch.full_like(loss, 1 / 16))",
        "loss.backward(torch.ones_like(loss) * weights)",
        "torch.autograd.grad(loss, x, torch.ones_like(loss))",
        "for one in loss: one.backward(retain_graph=True)",
        "for n, one in enumerate(loss): one.backward(retain_graph=True)",
        "[one.backward(retain_graph=True) for one in loss]",
        "print(loss)",
        "loss.detach().mean()\n    F.cross_entropy(model(x), y).backward()",
        "total = sum(loss) / len(loss)\n    total.backward()",
    ],
)
def test_reduced_or_weighted_or_one_by_one(line: str) -> None:
    assert told(LOOP.format(line)) == []


@pytest.mark.parametrize("batch", ["", ", batch_size=1", ", 1", ", shuffle=True"])
def test_a_batch_of_one_sample_is_one_number(batch: str) -> None:
    assert told(f"loader = DataLoader(rows(5){batch})\n" + LOOP.format("loss.backward()")) == []


def test_a_loader_of_which_nothing_is_known_may_hand_out_more() -> None:
    assert told("from mine import loader\n" + LOOP.format("loss.backward()")) == [EACH]
