"""No run, however odd, makes a detector raise, and asking again gives the same answer."""

from hypothesis import given
from hypothesis import strategies as st

from osler.engine.catalogue import catalogue
from osler.engine.judge import judge
from osler.model import (
    CrashFact,
    CutFact,
    Event,
    Finding,
    Kind,
    ModelFact,
    OptimizerFact,
    ParameterFact,
    RetainedFact,
    Run,
)
from osler.testing import assert_silent, event, place, run_of

TRAITS = [
    *(
        "grad",
        "no-grad",
        "train",
        "eval",
        "mixed",
        "repeat",
        "recalibrating",
        "leaf-root",
        "no-graph",
        "part",
    ),
    *(
        "gradient-only",
        "reaches-inputs",
        "discards",
        "fresh",
        "carried",
        "empty",
        "stale",
        "closure",
        "first-ever",
    ),
]
NAMES = ["Net", "Adam", "SGD", "by hand", "body.weight", ""]

names = st.sampled_from(NAMES)
sites = st.one_of(st.just(()), st.builds(lambda line: (place(line),), st.integers(1, 9)))
events = st.builds(
    lambda kind, subject, line, traits: event(kind, subject, line, *traits),
    st.sampled_from(list(Kind)),
    names,
    st.integers(0, 9),
    st.sets(st.sampled_from(TRAITS), max_size=3),
)
parameters = st.builds(
    ParameterFact,
    name=names,
    model=names,
    elements=st.integers(0, 1000),
    trainable=st.booleans(),
    registered=st.booleans(),
    optimizers=st.lists(names, max_size=2).map(tuple),
    reached=st.booleans(),
    used=st.booleans(),
    updated=st.booleans(),
    site=sites,
)
messages = ["modified by an inplace operation", "does not require grad", "out of memory"]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    pool: list[Event] = draw(st.lists(events, min_size=1, max_size=8))
    turn = st.lists(st.sampled_from(pool), max_size=8)
    return run_of(
        draw(st.lists(turn, max_size=12)),
        ended=draw(st.booleans()),
        models=draw(
            st.lists(st.builds(ModelFact, names, st.integers(0), st.integers(0), st.integers(1)), max_size=2)
        ),
        optimizers=draw(
            st.lists(st.builds(OptimizerFact, names, sites, st.integers(0), st.integers(0)), max_size=2)
        ),
        parameters=draw(st.lists(parameters, max_size=6)),
        parameters_step=draw(st.integers(-1, 30)),
        cuts=draw(st.lists(st.builds(CutFact, names, sites, st.lists(names).map(tuple)), max_size=2)),
        retained=draw(st.lists(st.builds(RetainedFact, sites, st.integers(0, 9), names, sites), max_size=2)),
        crash=draw(
            st.none() | st.builds(CrashFact, st.just("RuntimeError"), st.sampled_from(messages), sites)
        ),
    )


def ask(run: Run) -> tuple[Finding, ...]:
    return judge(run, catalogue().values()).findings


@given(runs())
def test_no_run_makes_a_detector_raise(run: Run) -> None:
    said = ask(run)
    assert ask(run) == said
    assert all(f.message and f.why and f.fix and f.expected for f in said)


def test_an_empty_run_is_healthy() -> None:
    assert_silent(Run())
    assert_silent(Run(ended=True))


def test_detectors_cope_with_an_empty_run() -> None:
    for check in catalogue().values():
        if check.run_detector:
            assert list(check.run_detector(Run())) == []
            assert list(check.run_detector(Run(ended=True))) == []
