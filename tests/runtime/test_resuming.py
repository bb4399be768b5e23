"""What a file holds of a training, whatever the layout."""

import torch

from osler.runtime.resuming import as_optimizer, counts, states

WEIGHT = torch.ones(2, requires_grad=True)


def stepped(optimizer):
    WEIGHT.grad = torch.ones(2)
    optimizer.step()
    return optimizer


def test_an_optimizer_is_known_by_its_state() -> None:
    adam = stepped(torch.optim.Adam([WEIGHT]))
    steps, ((tensors, given),) = as_optimizer(adam.state_dict())
    assert (steps, tensors, given["betas"], "lr" in given) == (1, 1, (0.9, 0.999), False)
    assert as_optimizer(torch.optim.Adam([WEIGHT]).state_dict()) is None
    assert as_optimizer(stepped(torch.optim.SGD([WEIGHT], lr=0.1, momentum=0.9)).state_dict())[0] == 0
    assert as_optimizer({"state": {}, "other": 1}) is None


def test_a_schedule_is_known_by_its_count() -> None:
    optimizer = torch.optim.SGD([WEIGHT], lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    assert not counts(schedule.state_dict())
    stepped(optimizer)
    schedule.step()
    assert counts(schedule.state_dict())
    assert not counts({"last_epoch": 3})


def test_states_lie_at_the_top_or_in_lists() -> None:
    one, two = {"param_groups": []}, {"last_epoch": 2}
    assert list(states({"x": one, "xs": [two, 3], "epoch": 4, "other": {"a": 1}})) == [one, two]
    assert list(states([one])) == []


def test_data_is_not_searched_to_its_end() -> None:
    assert list(states(dict.fromkeys(range(1000)) | {"x": {"last_epoch": 2}})) == []
