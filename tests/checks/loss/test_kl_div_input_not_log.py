from osler.checks.loss.kl_div_input_not_log import check
from osler.testing import read

CODE = """
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`kl_div` receives the output of softmax in line 40 as its first argument.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
