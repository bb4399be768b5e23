"""What is exchanged and what must stay; and why an exchange is not made."""

import pytest

from osler.testing import try_out

LOOP = """
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def model(forward: str, layers: str = "") -> str:
    return f"""
class Model(Net):
    def __init__(self):
        super().__init__()
        {layers or "pass"}

    def forward(self, x):
        {forward}

{LOOP}"""


@pytest.mark.parametrize(
    ("forward", "layers", "answer"),
    [
        ("return super().forward(x - x.mean(0))", "", "yes: exchanging one changes"),
        ("return super().forward(self.norm(x))", "self.norm = nn.BatchNorm1d(8)", "no"),
        (
            "return super().forward(self.norm(x))",
            "self.norm = nn.BatchNorm1d(8, track_running_stats=False)",
            "a normalisation without running statistics mixes samples on purpose",
        ),
        (
            "return super().forward(x) + torch.randn(len(x), 4)",
            "",
            "two evaluations of the same batch differ",
        ),
    ],
    ids=["centred over the batch", "batch norm", "without statistics", "random"],
)
def test_one_sample(forward: str, layers: str, answer: str) -> None:
    (told,) = try_out(model(forward, layers), "exchange-one-sample").experiments
    assert (told.answer or told.skipped).startswith(answer)


@pytest.mark.parametrize(
    ("layers", "answer"),
    [
        ("nn.init.zeros_(self.head.weight)", "yes"),
        ("self.requires_grad_(False); self.head.bias.requires_grad_()", "yes"),
    ],
    ids=["head starts at zero", "frozen"],
)
def test_all_inputs(layers: str, answer: str) -> None:
    (told,) = try_out(model("return super().forward(x)", layers), "exchange-all-inputs").experiments
    assert told.answer == answer
