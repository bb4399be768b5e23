"""Tables of names."""

from osler.static.memory.library import (
    CHANGES_FIRST,
    COPIES,
    IN_PLACE,
    NO_CHANGE,
    SHARES,
    VIEWS,
    is_layer,
    is_optimizer,
)


def test_no_name_is_in_two_tables() -> None:
    assert not VIEWS & COPIES
    assert not IN_PLACE & NO_CHANGE
    assert not SHARES & CHANGES_FIRST


def test_layers_and_optimizers() -> None:
    assert is_layer("torch.nn.Linear")
    assert not is_layer("torch.nn.functional.relu")
    assert is_optimizer("torch.optim.Adam")
    assert not is_optimizer("torch.optim.lr_scheduler.StepLR")
