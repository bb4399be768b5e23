from osler.checks.distributed.sampler_epoch_not_set import check
from osler.testing import read

CODE = """
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`sampler` shuffles alike in every epoch: nothing calls `set_epoch()`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
