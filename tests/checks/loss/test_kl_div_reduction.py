from osler.checks.loss.kl_div_reduction import check
from osler.testing import read

CODE = """
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="mean")
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`kl_div` divides by the number of elements, not of samples.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
