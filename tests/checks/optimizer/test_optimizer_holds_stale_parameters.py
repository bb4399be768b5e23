from osler.checks.optimizer.optimizer_holds_stale_parameters import check
from osler.testing import read

CODE = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net.head = nn.Linear(16, 4)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`head` is replaced here, but `optimizer` was built before, in line 35, and keeps the old one."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
