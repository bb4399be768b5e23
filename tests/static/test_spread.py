"""Columns that meet targets of one axis."""

from collections.abc import Callable

import pytest

from osler.model import Code

TRAIN = """
from torch.utils.data import TensorDataset


net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, {width}))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
data = TensorDataset(torch.zeros(64, 2), {target})
for x, y in DataLoader(data, batch_size=16):
    optimizer.zero_grad()
    out = net(x)
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


def seen(
    code: Callable[..., Code], loss: str, target: str = "torch.zeros(64)", width: str = "1"
) -> list[tuple[str, str]]:
    found = code(TRAIN.format(loss=loss, target=target, width=width)).spread
    return [(f.operation, f.target) for f in found]


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        ("F.mse_loss(out, y)", ("mse_loss", "y")),
        ("nn.MSELoss()(out, y)", ("mse_loss", "y")),
        ("nn.L1Loss()(out, y.float())", ("l1_loss", "y.float()")),
        ("F.smooth_l1_loss(out.float(), target=y)", ("smooth_l1_loss", "y")),
        ("((out - y) ** 2).mean()", ("-", "y")),
        ("(y - net(x)).abs().mean()", ("-", "y")),
        ("F.mse_loss(torch.sigmoid(out), y)", ("mse_loss", "y")),
    ],
)
def test_every_prediction_with_every_target(
    code: Callable[..., Code], loss: str, found: tuple[str, str]
) -> None:
    assert seen(code, loss) == [found]


@pytest.mark.parametrize(
    "loss",
    [
        "F.mse_loss(out.squeeze(), y)",
        "F.mse_loss(out.squeeze(-1), y)",
        "F.mse_loss(out[:, 0], y)",
        "F.mse_loss(out.view(-1), y)",
        "F.mse_loss(out.flatten(), y)",
        "F.mse_loss(out, y.unsqueeze(1))",
        "F.mse_loss(out, y[:, None])",
        "F.mse_loss(out, y.view(-1, 1))",
        "F.mse_loss(out, y.view_as(out))",
        "F.mse_loss(out, out.detach())",
        "F.binary_cross_entropy_with_logits(out, y)",
        "(out - out.t()).pow(2).mean()",
        "(out - 1).pow(2).mean()",
        "(out.squeeze(1) - y).pow(2).mean()",
        "(out - y.mean()).pow(2).mean()",
        "out.mean()",
    ],
)
def test_the_shapes_agree_or_are_meant(code: Callable[..., Code], loss: str) -> None:
    assert seen(code, loss) == []


@pytest.mark.parametrize("target", ["torch.zeros(64, 1)", "torch.zeros(64).unsqueeze(1)", "load()", "*rest"])
def test_other_targets(code: Callable[..., Code], target: str) -> None:
    assert seen(code, "F.mse_loss(out, y)", target) == []


@pytest.mark.parametrize("width", ["2", "width"])
def test_other_widths(code: Callable[..., Code], width: str) -> None:
    assert seen(code, "F.mse_loss(out, y)", width=width) == []


def test_a_look_without_gradients(code: Callable[..., Code]) -> None:
    text = TRAIN.format(loss="F.mse_loss(out, y)", target="torch.zeros(64)", width=1)
    text = text.replace(
        "    out = net(x)", "    with torch.no_grad(): (net(x) - y).abs().mean()\n    out = net(x)"
    )
    assert [f.operation for f in code(text).spread] == ["mse_loss"]


def test_says_where(code: Callable[..., Code]) -> None:
    (fact,) = code(TRAIN.format(loss="F.mse_loss(out, y)", target="torch.zeros(64)", width=1)).spread
    assert (fact.site[0].line, fact.layer[0].line) == (11, 5)
