import pytest

from osler.checks.data.labels_out_of_range import check
from osler.model import IndexFact, Run
from osler.testing import examine, findings, place, run_of

SITE = (place(12),)

LOOP = """
for x, y in loader:
    optimizer.zero_grad()
    {loss}.backward()
    optimizer.step()
"""

FAULTY = {
    "from one": "loss_fn(model(x), y + 1)",
    "negative": "F.cross_entropy(model(x), y - 1)",
    "log-probabilities": "F.nll_loss(F.log_softmax(model(x), 1), y * 2)",
    "another number is ignored": "F.cross_entropy(model(x), y - 1, ignore_index=-2)",
    "as numbers with a point": "loss_fn(model(x), y.float())",
}


def seen(loss: str) -> list[str]:
    return [f.message for f in examine(LOOP.format(loss=loss)).findings if f.check == check.name]


@pytest.mark.parametrize("loss", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(loss: str) -> None:
    assert len(seen(loss)) == 1


HEALTHY = {
    "ids": "loss_fn(model(x), y)",
    "left out": "F.cross_entropy(model(x), torch.where(y == 3, -100, y))",
    "left out as the script says": "F.cross_entropy(model(x), y - 1, ignore_index=-1)",
    "probabilities": "loss_fn(model(x), F.one_hot(y, 4).float())",
    "replaced before the loss": "F.cross_entropy(model(x), (y - 1).clamp(min=0))",
    "every position": "F.cross_entropy(model(x)[:, :, None].expand(-1, -1, 3), y[:, None].expand(-1, 3))",
    "another loss": "F.mse_loss(model(x)[:, 0], y.float() + 9)",
    "a border that is left out": "F.cross_entropy(model(x), torch.where(y == 3, 255, y), ignore_index=255)",
    "with a weight for each class": "F.cross_entropy(model(x), y, weight=torch.rand(4))",
    "smoothed": "F.cross_entropy(model(x), y, label_smoothing=0.1)",
    "two classes, one score": "F.binary_cross_entropy_with_logits(model(x)[:, 0], (y > 1).float())",
}


@pytest.mark.parametrize("loss", HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(loss: str) -> None:
    assert seen(loss) == []


def run(**more: object) -> Run:
    known = {"outside": 3, "count": 16, "value": 4, "position": (5,), "lowest": 1, "highest": 4}
    known |= {"ignored": -100, "step": 7}
    return run_of(indices=[IndexFact("cross_entropy", SITE, 4, **(known | more))])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "Label 4 in sample 5 of the batch after step 7: `cross_entropy` got 4 scores per sample and allows "
        "0 to 3. The labels of this batch run from 1 to 4; 3 lie outside."
    )
    assert found.fix.startswith("Subtract 1 from the labels")
    assert (found.place.line, found.place.step) == (12, 7)


def test_advises_to_ignore_a_mark() -> None:
    (found,) = findings(run(value=-1, lowest=-1, highest=3), [check])
    assert found.fix.startswith("Pass `ignore_index=-1`")


def test_says_that_the_type_is_wrong() -> None:
    (found,) = findings(run(kind="float32"), [check])
    assert found.message == (
        "`cross_entropy` got labels of type float32 where it needs whole numbers, int64."
    )


def test_leaves_other_tables_to_the_other_check() -> None:
    assert findings(run_of(indices=[IndexFact("embedding", SITE, 4, outside=1)]), [check]) == ()
