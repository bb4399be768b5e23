from osler.checks.loss.sigmoid_before_bce_with_logits import check
from osler.testing import read

CODE = """
judge = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`binary_cross_entropy_with_logits` receives the output of sigmoid in line 34.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
