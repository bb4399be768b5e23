"""Evaluation gives the same numbers to the bit, also where torch chooses a faster way without gradients."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, x, x, need_weights=False)[0]


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "attention": Attention,
    "an encoder layer": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    "an encoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    ),
    "one inside another": lambda: nn.Sequential(nn.Linear(8, 8), Attention()),
    "a recurrent layer": lambda: nn.Sequential(nn.Linear(8, 8), nn.GRU(8, 8, batch_first=True), First()),
    "convolutions": lambda: nn.Sequential(nn.Conv1d(5, 5, 3, padding=1), nn.BatchNorm1d(5), nn.Dropout(0.1)),
}


class First(nn.Module):
    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        return pair[0]


@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode], ids=lambda way: way.__name__)
@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_evaluation_after_each_epoch(
    unharmed, build: Callable[[], nn.Module], quiet: Callable[[], torch.no_grad]
) -> None:
    def train() -> Iterator[Tensor]:
        model = build()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        held_out = torch.randn(12, 5, 8)
        for _ in range(3):
            model.train()
            for _ in range(4):
                x = torch.randn(12, 5, 8)
                optimizer.zero_grad()
                F.mse_loss(model(x), x.sin()).backward()
                optimizer.step()
            model.eval()
            with quiet():
                scores = model(held_out)
                yield scores.clone()
                yield (scores.argmax(-1) == held_out.argmax(-1)).float().mean().clone()

    assert unharmed(train).run.steps == 12
