"""What a file holds of a training, whatever the layout."""

import pytest
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


GROUPS = [{"params": [0], "lr": 0.1, "momentum": 0.9}]


@pytest.mark.parametrize(
    ("step", "count"),
    [
        (3, 3),
        (3.0, 3),
        (torch.tensor(3.0), 3),
        (torch.tensor([3]), 3),
        (torch.tensor([3, 4]), 0),
        (torch.empty(0), 0),
        (torch.tensor(3.0, device="meta"), 0),
        (float("nan"), 0),
        (torch.tensor(float("inf")), 0),
        (None, 0),
        ("3", 0),
    ],
    ids=repr,
)
def test_steps_are_counted_by_whatever_an_optimizer_keeps(step: object, count: int) -> None:
    assert as_optimizer({"state": {0: {"step": step}}, "param_groups": GROUPS}) == (
        count,
        [(1, {"momentum": 0.9})],
    )


@pytest.mark.parametrize("state", [{0: torch.ones(2)}, {"steps": 10}, {0: None}, {"a": [1]}], ids=repr)
def test_optimizers_of_other_libraries_keep_other_things(state: object) -> None:
    assert as_optimizer({"state": state, "param_groups": GROUPS}) == (0, [(1, {"momentum": 0.9})])


@pytest.mark.parametrize(
    "part",
    [
        {"state": [1], "param_groups": GROUPS},
        {"state": torch.ones(2), "param_groups": GROUPS},
        {"state": "running", "param_groups": GROUPS},
        {"state": {0: {}}, "param_groups": None},
        {"state": {0: {}}, "param_groups": [{"lr": 0.1}]},
        {"state": {0: {}}, "param_groups": ["all"]},
        {"state": {0: {}}},
        {},
    ],
    ids=repr,
)
def test_what_only_looks_like_an_optimizer_is_none(part: dict[str, object]) -> None:
    assert as_optimizer(part) is None


@pytest.mark.parametrize(
    "content", [None, 3, "text", [], {}, torch.ones(2), {"a": None}, {"a": [[]]}], ids=repr
)
def test_a_file_may_hold_anything(content: object) -> None:
    assert list(states(content)) == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"last_epoch": 3, "_step_count": 4}, True),
        ({"last_epoch": 0, "_step_count": 1}, False),
        ({"last_epoch": -1, "_step_count": 0}, False),
        ({"last_epoch": 3.5, "_step_count": 4}, False),
        ({"last_epoch": torch.tensor(3), "_step_count": 4}, False),
        ({"last_epoch": "3", "_step_count": 4}, False),
        ({"last_epoch": None, "_step_count": 4}, False),
        ({"_step_count": 4}, False),
    ],
    ids=repr,
)
def test_only_a_schedule_that_has_counted_counts(part: dict[str, object], expected: bool) -> None:
    assert counts(part) is expected
