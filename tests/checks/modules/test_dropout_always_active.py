from osler.checks.modules.dropout_always_active import check
from osler.testing import read

CODE = """
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(torch.relu(self.body(x)), p=0.5)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`dropout` is called without `training=`: it stays on after `eval()`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
