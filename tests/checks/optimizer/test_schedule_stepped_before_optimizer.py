from osler.checks.optimizer.schedule_stepped_before_optimizer import check
from osler.testing import read

CODE = """
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
for epoch in range(epochs):
    schedule.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the schedule steps before the optimizer, which first steps in line 40.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
