"""`F.batch_norm` without a word about the mode."""

from collections.abc import Callable

import pytest

from osler.model import Code
from osler.static.functional_norms import idle_statistics

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 2)
        {start}

    def forward(self, x):
        x = self.body(x)
        {norm}
        return x


net = Net()
{before}
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in DataLoader(data):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""
BUFFERS = "self.register_buffer('mean', torch.zeros(2)); self.register_buffer('var', torch.ones(2))"
CALL = "x = F.batch_norm(x, self.mean, self.var)"


def names(
    code: Callable[..., Code], norm: str = CALL, start: str = BUFFERS, before: str = "", more: str = ""
) -> list[str]:
    text = NET.format(start=start, norm=norm, before=before) + more
    return [f.name for f in idle_statistics(code(text))]


@pytest.mark.parametrize(
    ("norm", "start", "name"),
    [
        (CALL, BUFFERS, "self.mean"),
        ("x = F.batch_norm(x, running_mean=self.mean, running_var=self.var, eps=1e-3)", BUFFERS, "self.mean"),
        ("x = torch.nn.functional.batch_norm(x, self.mean, self.var, None, None)", BUFFERS, "self.mean"),
        (CALL, "self.mean, self.var = nn.Buffer(a), nn.Buffer(b)", ""),
        (CALL, "self.mean = torch.zeros(2); self.var = torch.ones(2)", "self.mean"),
        (
            "x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var)",
            "self.norm = nn.BatchNorm1d(2)",
            "self.norm.running_mean",
        ),
    ],
)
def test_statistics_that_nobody_updates(code: Callable[..., Code], norm: str, start: str, name: str) -> None:
    assert names(code, norm, start) == [name] * bool(name)


@pytest.mark.parametrize(
    "norm",
    [
        "x = F.batch_norm(x, self.mean, self.var, None, None, self.training)",
        "x = F.batch_norm(x, self.mean, self.var, training=False)",
        "x = F.batch_norm(x, self.mean, self.var, **options)",
        "x = F.batch_norm(x, None, None)",
        "x = F.batch_norm(x, x.mean(0), x.var(0))",
        f"if not self.training: {CALL}",
        f"with torch.no_grad(): {CALL}",
        f"self.mean = 0.9 * self.mean + 0.1 * x.mean(0); {CALL}",
        f"self.mean.mul_(0.9).add_(0.1 * x.mean(0)); {CALL}",
        f"update(self.mean, x); {CALL}",
        f"mean = self.mean; mean += 0.1; {CALL}",
        "mean, var = self.mean, self.var; x = F.batch_norm(x, mean, var)",
    ],
)
def test_the_mode_is_told_or_they_are_updated(code: Callable[..., Code], norm: str) -> None:
    assert names(code, norm) == []


def test_a_layer_that_is_called_updates_them(code: Callable[..., Code]) -> None:
    norm = "x = self.norm(x); x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var)"
    assert names(code, norm, "self.norm = nn.BatchNorm1d(2)") == []
    aliased = "norm = self.norm; x = self.norm(x); x = F.batch_norm(x, norm.running_mean, norm.running_var)"
    assert names(code, aliased, "self.norm = nn.BatchNorm1d(2)") == []


@pytest.mark.parametrize(
    ("start", "before"),
    [
        (BUFFERS, "net.load_state_dict(torch.load(path))"),
        (BUFFERS, "net.requires_grad_(False)"),
        (BUFFERS.replace("torch.zeros(2)", "load(mean)"), ""),
    ],
)
def test_statistics_from_elsewhere(code: Callable[..., Code], start: str, before: str) -> None:
    assert names(code, start=start, before=before) == []


def test_a_model_that_is_not_trained_here(code: Callable[..., Code]) -> None:
    text = NET.format(start=BUFFERS, norm=CALL, before="").partition("net = Net()")[0]
    assert list(idle_statistics(code(text))) == []
