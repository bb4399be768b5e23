from osler.checks.loss.logits_passed_to_bce_loss import check
from osler.testing import read

CODE = """
judge = nn.Linear(8, 1)
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`binary_cross_entropy` receives the output of a layer in line 39: raw scores, not probabilities."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
