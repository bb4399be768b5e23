from osler.checks.loss.softmax_over_wrong_axis import check
from osler.testing import read

CODE = """
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return F.log_softmax(self.body(x), dim=0)


mixed = Mixed()
optimizer = torch.optim.SGD(mixed.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(mixed(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`log_softmax` runs over axis 0, the batch, and the loss in line 48 takes the result for classes."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
