import pytest

from osler.checks.gradients.graph_kept_in_accumulator import check
from osler.model import Kind, RetainedFact
from osler.testing import assert_silent, event, findings, place, read, run_of

FORWARD = (place(11),)
GROWS = (place(14),)
USED = event(Kind.USED, "Net", 11)
ELSEWHERE = event(Kind.USED, "Net", 40)
BATCH = event(Kind.BATCH, "DataLoader", 10)

SILENT = {
    "nothing kept": [],
    "the loss of the last batch": [RetainedFact(FORWARD, 1, "loss", GROWS)],
    "just below the patience": [RetainedFact(FORWARD, 2, "total", GROWS)],
    "losses of several batches wait for one backward": [
        RetainedFact(FORWARD, 8, "losses", GROWS, after_backward=False)
    ],
}


@pytest.mark.parametrize("facts", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(facts: list[RetainedFact]) -> None:
    assert_silent(run_of([[BATCH, USED]] * 9, retained=facts), [check])


def test_says_what_was_seen_in_training() -> None:
    (found,) = findings(
        run_of([[BATCH, USED]] * 9, retained=[RetainedFact(FORWARD, 9, "total", GROWS)]), [check]
    )
    assert found.message == (
        "`total` keeps the autograd graphs of 9 earlier batches alive, "
        "although `backward()` has already used them."
    )
    assert (found.place.line, found.place.subject) == (14, "total")
    assert [(r.place.line, r.label) for r in found.related] == [(11, "the graphs begin here")]
    assert found.fix == check.fix


def test_speaks_from_the_third_graph_on() -> None:
    (found,) = findings(
        run_of([[BATCH, USED]] * 4, retained=[RetainedFact(FORWARD, 3, "total", GROWS)]), [check]
    )
    assert found.message == (
        "`total` keeps the autograd graphs of 3 earlier batches alive, "
        "although `backward()` has already used them."
    )


def test_says_what_was_seen_in_evaluation() -> None:
    fact = RetainedFact(FORWARD, 5, "outputs", GROWS, after_backward=False)
    (found,) = findings(run_of([[BATCH, ELSEWHERE]], retained=[fact]), [check])
    assert (
        found.message
        == "`outputs` keeps the autograd graphs of 5 earlier batches alive, and no `backward()` uses them."
    )
    assert "no_grad" in found.fix


def test_holder_unknown() -> None:
    (found,) = findings(run_of([[BATCH]], retained=[RetainedFact(FORWARD, 6)]), [check])
    assert found.message.startswith("Something keeps the autograd graphs of 6 earlier batches alive")
    assert (found.place.line, found.related) == (11, ())


def test_one_finding_for_each_forward() -> None:
    facts = [RetainedFact(FORWARD, 6, "total", GROWS), RetainedFact((place(30),), 7, "outputs", (place(31),))]
    assert [f.place.line for f in findings(run_of([[BATCH]], retained=facts), [check])] == [14, 31]


def loop(after: str, before: str = "pass", loss: str = "loss_fn(model(x), y)") -> str:
    return f"""
{before}
for x, y in loader:
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
    {after}
"""


READ_IN_SILENCE = {
    "a number": loop("total += loss.item()", "total = 0"),
    "another way to a number": loop("total += float(loss)", "total = 0"),
    "detached": loop("total += loss.detach()", "total = 0"),
    "its data": loop("total += loss.data", "total = 0"),
    "without recording": loop("with torch.no_grad(): total += loss", "total = 0"),
    "a list of numbers": loop("losses.append(loss.item())", "losses = []"),
    "a list of detached losses": loop("losses.append(loss.detach())", "losses = []"),
    "an array": loop("losses.append(loss.detach().numpy())", "losses = []"),
    "only the last one": loop("last = loss"),
    "what is counted has no graph": loop("right += (model(x).argmax(1) == y).sum()", "right = 0"),
    "parts of one loss": """
for x, y in loader:
    optimizer.zero_grad()
    total = 0
    for part, label in zip(x.split(4), y.split(4)):
        total += loss_fn(model(part), label)
    total.backward()
    optimizer.step()
""",
    "an evaluation without recording": """
total = 0
with torch.no_grad():
    for x, y in val_loader:
        total += loss_fn(model(x), y)
""",
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()
