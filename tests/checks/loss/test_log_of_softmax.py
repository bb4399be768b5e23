from osler.checks.loss.log_of_softmax import check
from osler.testing import read

CODE = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(torch.log(F.softmax(model(x), dim=1)), y)
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the logarithm of the softmax in line 37 underflows for small probabilities.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
