from osler.checks.loss.relu_before_loss import check
from osler.testing import read

CODE = """
net = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the scores go through ReLU in line 34 just before the loss.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
