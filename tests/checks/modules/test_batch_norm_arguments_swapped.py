from osler.checks.modules.batch_norm_arguments_swapped import check
from osler.testing import read

CODE = """
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, 0.8), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`BatchNorm1d` is given eps = 0.8: the second argument is eps, not momentum.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
