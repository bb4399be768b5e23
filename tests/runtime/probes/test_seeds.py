"""`torch.manual_seed` does what it always did; the watcher knows that it was called."""

import torch
from torch import manual_seed, nn

from osler.session import Session


def test_seeds_as_before(session: Session) -> None:
    plain = (manual_seed(5).initial_seed(), torch.rand(2).tolist())
    with session:
        assert (manual_seed(5).initial_seed(), torch.rand(2).tolist()) == plain
        assert torch.manual_seed(seed=5).initial_seed() == 5
    assert session.watcher.redrawing.seeds == 2


def test_only_a_seed_behind_the_first_step_arms(session: Session, net: nn.Module) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with session:
        manual_seed(0)
        net(torch.ones(2, 4)).sum().backward()
        optimizer.step()
        assert not session.watcher.redrawing.armed
        manual_seed(0)
        assert session.watcher.redrawing.armed
