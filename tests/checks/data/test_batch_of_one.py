from dataclasses import replace

import pytest

from osler.checks.data.batch_of_one import check
from osler.engine.judge import judge_setup
from osler.model import Answer, CrashFact, Kind, LoaderFact, LoneSampleFact, ModuleFact, Run, Setup, Severity
from osler.testing import event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAINING = [[BATCH, BACKWARD, STEP]] * 7


def loader(samples: int = 97, batch_size: int = 16, *, drop_last: bool = False) -> LoaderFact:
    return LoaderFact("DataLoader", samples, batch_size, -(-samples // 16), "random", drop_last, 1)


HEALTHY = {
    "no rest": run_of(TRAINING, loaders=[loader(96)]),
    "a smaller rest": run_of(TRAINING, loaders=[loader(98)]),
    "left out": run_of(TRAINING, loaders=[loader(drop_last=True)]),
    "batches of one on purpose": run_of(TRAINING, loaders=[loader(97, 1)]),
    "only evaluated": run_of([[BATCH, FORWARD]] * 7, loaders=[loader()]),
    "a sampler decides": run_of(TRAINING, loaders=[loader(97, 0)]),
    "a stream": run_of(TRAINING, loaders=[loader(-1)]),
}


@pytest.mark.parametrize("run", HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(run: Run) -> None:
    assert findings(run, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of(TRAINING, loaders=[loader()]), [check])
    assert found.message == (
        "97 samples in batches of 16 leave one over: the last batch of each pass holds a single sample."
    )
    assert (found.place.line, found.severity) == (10, Severity.HINT)


def test_names_the_layer_that_minds() -> None:
    norm = {"Net.1": ModuleFact("1", "Net", "BatchNorm1d", 32)}
    (found,) = findings(run_of(TRAINING, loaders=[loader()], modules=norm), [check])
    assert found.message.endswith("holds a single sample, and the model has BatchNorm.")


def test_explains_the_error() -> None:
    crash = CrashFact("ValueError", "Expected more than 1 value per channel when training", (place(5),))
    (found,) = findings(run_of(TRAINING, loaders=[loader()], crash=crash), [check])
    assert found.message.endswith("and BatchNorm stopped training there.")
    assert found.related[0].place.line == 5
    assert found.severity is Severity.WARNING


def test_does_not_apply_without_a_loader() -> None:
    assert check.applies(Run()) == "no loader was iterated"


LONE = LoneSampleFact("Net", "ValueError: too few", False, 97, 16, (place(10),), (place(11),))


def by_experiment(fact: LoneSampleFact):
    return judge_setup(Setup((fact,), (Answer("call-with-one-sample", ""),)), [check]).findings


def test_says_what_stops_at_it() -> None:
    (found,) = by_experiment(LONE)
    assert found.message == (
        "97 samples in batches of 16 leave one over, and `Net` stops at a batch of one sample: ValueError: "
        "too few."
    )
    assert (found.place.line, found.related[0].place.line) == (10, 11)
    assert found.severity is Severity.WARNING
    assert found.fix == check.fix


def test_says_what_loses_the_axis() -> None:
    (found,) = by_experiment(replace(LONE, error="", squeezed=True))
    assert found.message == (
        "97 samples in batches of 16 leave one over, and for a batch of one sample `Net` returns a tensor "
        "without an axis for samples."
    )
    assert found.severity is Severity.HINT
    assert found.fix.startswith("Name the axis")


def test_nothing_is_said_without_the_fact() -> None:
    assert judge_setup(Setup((), (Answer("call-with-one-sample", ""),)), [check]).findings == ()


LEFT_OVER = """
uneven = DataLoader({data}, batch_size={size}, shuffle=True{more})
for x, y in uneven:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""


def left_over(data: str = "rows(321)", size: str = "16", more: str = "") -> str:
    return LEFT_OVER.format(data=data, size=size, more=more)


def test_says_what_the_source_says() -> None:
    (found,) = read(left_over(), [check]).findings
    assert found.message == (
        "321 samples in batches of 16 leave one over: the last batch of each pass holds a single sample, "
        "and the model has BatchNorm."
    )
    assert found.severity is Severity.HINT
    assert [r.label for r in found.related] == ["the loader is built here", "BatchNorm"]


@pytest.mark.parametrize(
    "code",
    [
        left_over("rows(320)"),
        left_over("rows(322)"),
        left_over("rows(count)"),
        left_over(size="1"),
        left_over(size="size"),
        left_over(more=", drop_last=True"),
        left_over(more=", drop_last=is_training"),
        left_over(more=", **options"),
        left_over(more=", sampler=sampler").replace("shuffle=True, ", ""),
        left_over().replace("model(x)", "Net()(x)"),
        left_over().replace("loss_fn(model(x), y).backward()", "pass"),
        left_over().replace("for x, y in uneven:", "for x, y in uneven:\n    if len(x) < 2: break"),
    ],
)
def test_reading_is_silent(code: str) -> None:
    assert read(code, [check]).findings == ()
