"""A run becomes lines and the lines become the same run."""

import json
from dataclasses import fields, replace

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from osler.model import (
    BlindFact,
    BroadcastFact,
    CrashFact,
    CutFact,
    Event,
    IndexFact,
    InputFact,
    Kind,
    LoaderFact,
    LossCallFact,
    LossInputFact,
    ModelFact,
    NotFiniteFact,
    OptimizerFact,
    ParameterFact,
    Pattern,
    Place,
    RetainedFact,
    Run,
    SignFact,
    UnderflowFact,
)
from osler.store.codec import LONGEST
from osler.store.facts import FactReader, FactWriter, snapshot
from osler.store.lines import from_line, to_line
from osler.testing import event, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
STEP = event(Kind.STEP, "SGD", 14, "fresh")

LINE_KEYS = [
    "id",
    "events",
    "key",
    "value",
    "values",
    "gone",
    "count",
    "first",
    "last",
    "streak",
    "longest",
    "step",
]
KEYS = st.sampled_from(["name", "site", "file", "kind", "subject", "crash", "turns", "message"])
words = st.text(max_size=20)
counts = st.integers(-1, 2**53)
numbers = st.floats()
places = st.builds(Place, words, counts, words, st.none() | counts, words, counts, st.none() | words)
sites = st.lists(places, max_size=3).map(tuple)
events = st.builds(Event, st.sampled_from(Kind), words, sites, st.frozensets(words, max_size=3))
parameters = st.builds(
    ParameterFact, words, words, counts, optimizers=st.lists(words).map(tuple), site=sites, used=st.booleans()
)
losses = st.builds(LossInputFact, words, sites, *[counts] * 5, *[numbers] * 4, sites, words)
shapes = st.lists(counts, max_size=3).map(tuple)
called = st.builds(LossCallFact, words, sites, counts, counts, words, shapes, shapes, *[numbers] * 4)
spread = st.builds(BroadcastFact, words, sites, shapes, shapes, shapes, counts)
pointing = st.builds(IndexFact, words, sites, *[counts] * 4, shapes, ignored=st.none() | counts)
not_finite = st.builds(NotFiniteFact, words, numbers, counts, counts, sites, st.none() | numbers)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    known = draw(st.lists(events, min_size=1, max_size=4))
    turns = draw(st.lists(st.lists(st.sampled_from(known), max_size=4).map(tuple), max_size=4, unique=True))
    return Run(
        patterns=[Pattern(turn, *draw(st.tuples(*[counts] * 6))) for turn in turns],
        turns=draw(counts),
        ended=draw(st.booleans()),
        models=draw(st.dictionaries(words, st.builds(ModelFact, words, counts, counts, counts), max_size=2)),
        optimizers=draw(st.dictionaries(words, st.builds(OptimizerFact, words, sites, counts, counts))),
        parameters=draw(st.dictionaries(words, parameters, max_size=3)),
        losses=draw(st.dictionaries(st.tuples(words, sites), losses, max_size=2)),
        loss_calls=draw(st.dictionaries(st.tuples(words, sites), called, max_size=2)),
        broadcasts=draw(st.dictionaries(st.tuples(words, sites), spread, max_size=2)),
        indices=draw(st.dictionaries(st.tuples(words, sites), pointing, max_size=2)),
        underflows=draw(
            st.dictionaries(sites, st.builds(UnderflowFact, sites, sites, sites, counts), max_size=1)
        ),
        signs=draw(
            st.dictionaries(sites, st.builds(SignFact, sites, st.just(("a",)), st.just(("b",))), max_size=1)
        ),
        inputs=draw(
            st.dictionaries(
                words, st.builds(InputFact, words, sites, counts, shapes, *[counts] * 4), max_size=1
            )
        ),
        loaders=draw(st.dictionaries(words, st.builds(LoaderFact, words, *[counts] * 3, words), max_size=2)),
        cuts=draw(st.lists(st.builds(CutFact, words, sites, st.lists(words).map(tuple)), max_size=2)),
        retained=draw(st.dictionaries(sites, st.builds(RetainedFact, sites, counts, words), max_size=2)),
        not_finite=draw(st.dictionaries(words, not_finite, max_size=2)),
        blind=draw(st.lists(st.builds(BlindFact, words, words), max_size=2)),
        crash=draw(st.none() | st.builds(CrashFact, words, words, sites, words)),
    )


def written(*states: Run) -> list[str]:
    writer = FactWriter()
    return [to_line(line) for state in states for line in writer.lines(snapshot(state))]


def read(lines: list[str]) -> Run:
    reader = FactReader()
    for line in lines:
        content = from_line(line.removesuffix("\n").encode())
        assert content is not None
        assert reader.read(content)
    assert reader.damaged == 0
    return reader.run


def content(run: Run) -> str:
    """The run with its events as what they say, and how many different objects they are."""
    known: dict[Event, int] = {}
    patterns = [[known.setdefault(e, len(known)) for e in p.events] for p in run.patterns]
    said = [(e.kind, e.subject, e.site, sorted(e.traits)) for e in known]
    rest = {f.name: getattr(run, f.name) for f in fields(Run) if f.name != "patterns"}
    numbers = [replace(p, events=()) for p in run.patterns]
    return repr((patterns, said, numbers, rest))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(runs())
def test_nothing_is_lost(run: Run) -> None:
    assert content(read(written(run))) == content(run)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(runs(), runs())
def test_the_later_state_counts(earlier: Run, later: Run) -> None:
    later.patterns = earlier.patterns + later.patterns  # patterns are never forgotten
    facts = read(written(earlier, later))
    by_key = [f.name for f in fields(Run) if f.name not in ("patterns", "columns", "context")]
    for name in by_key:
        assert repr(sorted_if_mapping(getattr(facts, name))) == repr(sorted_if_mapping(getattr(later, name)))
    assert len(facts.patterns) == len(later.patterns)


def sorted_if_mapping(value: object) -> object:
    return sorted(map(repr, value.items())) if isinstance(value, dict) else value


def test_what_has_not_changed_is_not_written_again() -> None:
    run = run_of([[BATCH, STEP]] * 3, optimizers=[OptimizerFact("SGD", (place(5),), 2, 9)])
    assert written(run, run) == written(run)


def test_a_count_is_one_short_line() -> None:
    earlier, later = run_of([[BATCH, STEP]] * 3), run_of([[BATCH, STEP]] * 4)
    added = [json.loads(line) for line in written(earlier, later)[len(written(earlier)) :]]
    assert [(line["t"], line.get("count")) for line in added] == [("seen", 4), ("run", None)]


def test_a_snapshot_does_not_change_with_the_run() -> None:
    run = run_of([[BATCH, STEP]])
    kept = snapshot(run)
    run.patterns[0].seen(1)
    run.blind.append(BlindFact("a", "b"))
    assert (kept.patterns[0].count, kept.blind) == (1, [])


def test_long_names_are_cut() -> None:
    run = Run(blind=[BlindFact("x" * 10_000, "why")])
    subject = read(written(run)).blind[0].subject
    assert (len(subject), subject[-1]) == (LONGEST, "…")


def test_a_newer_version_may_say_more() -> None:
    reader = FactReader()
    reader.read({"t": "models", "key": "Net", "value": {**NET, "color": "red"}})
    assert not reader.read({"t": "moods", "value": 1})
    assert reader.run.models == {"Net": ModelFact("Net", 1, 1, 1)}
    assert reader.damaged == 0


NET = {"name": "Net", "parameters": 1, "trainable": 1, "modules": 1}


def test_what_is_not_as_it_should_be_is_left_out_and_counted() -> None:
    reader = FactReader()
    for value in (
        None,
        3,
        [],
        {**NET, "name": 3},
        {**NET, "modules": "1"},
        {**NET, "modules": True},
        {"name": ""},
    ):
        reader.read({"t": "models", "key": "Net", "value": value})
    reader.read({"t": "models", "key": 3, "value": NET})
    reader.read({"t": "pattern", "id": 0, "events": [7]})
    reader.read({"t": "seen", "id": 0})
    reader.read({"t": "event", "id": 0, "value": {"kind": "party"}})
    reader.read({"t": "losses", "key": ["cross_entropy"], "value": {}})
    assert reader.damaged == 12
    assert reader.run == Run()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
kinds = (
    st.sampled_from(["event", "pattern", "seen", "run", "note", *[f.name for f in fields(Run)]]) | anything
)


@given(st.lists(st.fixed_dictionaries({"t": kinds}, optional=dict.fromkeys(LINE_KEYS, anything)), max_size=6))
@example([{"t": "cuts", "values": []}])
def test_lines_from_strangers_do_no_harm(lines: list[dict[str, object]]) -> None:
    reader = FactReader()
    for line in lines:
        reader.read(line)
    snapshot(reader.run)
