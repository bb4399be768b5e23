"""`torch.load` and `torch.save` do what they always did; the watcher knows what was read."""

import io

import torch
from torch import nn

from osler.runtime.probes.files import file_of
from osler.session import Session


def test_what_was_read_waits_for_the_next_step(session: Session, net: nn.Module) -> None:
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    with session:
        file = io.BytesIO()
        torch.save({"optimizer": optimizer.state_dict()}, file)
        file.seek(0)
        content = torch.load(file, weights_only=True)
        assert session.watcher.resuming.pending is not None
        assert content["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
        optimizer.step()
        assert session.watcher.resuming.pending is None


def test_a_path_is_the_same_however_it_is_written(tmp_path) -> None:
    path = tmp_path / "model.pt"
    assert file_of((path,), {}, 0) == file_of((), {"f": f"{tmp_path}/./model.pt"}, 0)
    file = io.BytesIO()
    assert file_of(({}, file), {}, 1) == id(file)
