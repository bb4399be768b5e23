import pytest

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


HEAD = """
from torch.utils.data import RandomSampler
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
"""
BUILT = """
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
"""
EPOCHS = """
for epoch in range(epochs):
    {start}
    for x, y in {loader}:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def epochs(built: str = BUILT, start: str = "pass", loader: str = "batches") -> str:
    return HEAD + built + EPOCHS.format(start=start, loader=loader)


BUILT_INSIDE = """sampler = DistributedSampler(data, num_replicas=2, rank=0, seed=epoch)
    batches = DataLoader(data, batch_size=16, sampler=sampler)"""

SILENT = {
    "told": epochs(start="sampler.set_epoch(epoch)"),
    "told through its loader": epochs(start="batches.sampler.set_epoch(epoch)"),
    "told where it is one": epochs(start="hasattr(sampler, 'set_epoch') and sampler.set_epoch(epoch)"),
    "in order": epochs(BUILT.replace("rank=0", "rank=0, shuffle=False")),
    "shuffles by itself": epochs(
        BUILT.replace("DistributedSampler(data, num_replicas=2, rank=0)", "RandomSampler(data)")
    ),
    "built anew in every epoch": epochs("", BUILT_INSIDE),
    "built anew for every fold": epochs("", BUILT_INSIDE.replace(", seed=epoch", "")),
    "another loader": epochs(loader="loader"),
    "a single epoch": HEAD
    + BUILT
    + """
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
""",
    "an evaluation": HEAD
    + BUILT
    + """
for epoch in range(epochs):
    for x, y in batches:
        with torch.no_grad():
            model(x)
""",
    "a framework": "import pytorch_lightning" + epochs(),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
