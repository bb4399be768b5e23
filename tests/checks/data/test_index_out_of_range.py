import pytest

from osler.checks.data.index_out_of_range import check
from osler.model import CrashFact, IndexFact, Run
from osler.testing import examine, findings, place, run_of

SITE = (place(12),)

LOOP = """
table = nn.Embedding(4, 8)
bag = nn.EmbeddingBag(4, 8)
rare = nn.Embedding(200, 8)
weight = nn.Parameter(torch.randn(4, 8))
class Lookup(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = table
    def forward(self, ids):
        return self.inner(ids) * 2
lookup = Lookup()
for step, (x, y) in enumerate(loader):
    optimizer.zero_grad()
    loss_fn(model(x + {term}), y).backward()
    optimizer.step()
"""

FAULTY = {
    "a layer": "table(y + 1)",
    "inside a model": "lookup(y + 1)",
    "negative": "table(y - 1)",
    "a bag": "bag(y[:, None] + 1)",
    "of a wrong type": "table(y.float())",
    "bytes": "table(y.to(torch.uint8))",
    "late": "table(y + (step == 9))",
    "by brackets": "weight[y + 1]",
}


def seen(term: str) -> list[str]:
    return [f.message for f in examine(LOOP.format(term=term)).findings if f.check == check.name]


@pytest.mark.parametrize("term", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(term: str) -> None:
    assert len(seen(term)) == 1


HEALTHY = {
    "inside": "table(y)",
    "of 32 bits": "table(y.int())",
    "inside a model": "lookup(y)",
    "a bag": "bag(y[:, None])",
    "most rows are never used": "rare(y * 50)",
    "by brackets": "weight[y]",
    "from the end": "weight[-1]",
    "another error": "table(y)[:, :7]",
    "wrapped around": "table((y + 1) % 4)",
}


@pytest.mark.parametrize("term", HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(term: str) -> None:
    assert seen(term) == []


def test_says_what_was_seen() -> None:
    fact = IndexFact("embedding", SITE, 1000, 2, 64, 1000, (3, 7), 1, 1001, step=5, raised=True)
    (found,) = findings(run_of(indices=[fact]), [check])
    assert found.message == (
        "Index 1000 at [3, 7] of the batch after step 5: `embedding` has 1000 rows and allows 0 to 999. "
        "The indices run from 1 to 1001; 2 lie outside."
    )
    assert (found.place.line, found.place.step) == (12, 5)


def test_says_which_types_there_are() -> None:
    fact = IndexFact("embedding", SITE, 1000, count=64, kind="uint8", raised=True)
    (found,) = findings(run_of(indices=[fact]), [check])
    assert found.message == "`embedding` got indices of type uint8 where it needs int64 or int32."
    assert found.fix == "Convert them: `indices.long()`."


def test_says_what_torch_says() -> None:
    message = "index 7 is out of bounds for dimension 0 with size 5"
    run = run_of(crash=CrashFact("IndexError", message, SITE))
    (found,) = findings(run, [check])
    assert found.message == "Index 7 on axis 0, which has 5 entries and allows 0 to 4."
    assert found.place.line == 12


def test_other_crashes_are_none_of_its_business() -> None:
    assert findings(run_of(crash=CrashFact("IndexError", "list index out of range", SITE)), [check]) == ()
    assert findings(run_of(indices=[IndexFact("nll_loss", SITE, 4, outside=1)]), [check]) == ()


def test_does_not_apply_without_training() -> None:
    assert check.applies(Run()) == "no training was seen"
