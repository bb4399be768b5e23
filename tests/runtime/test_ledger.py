"""Turns of the loop are counted, equal ones stored once; memory stays bounded whatever the program does."""

import tracemalloc
from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import Event, Kind, Pattern, Place
from osler.runtime.ledger import LONGEST_TURN, PATTERNS, Ledger, shortened

SITES = [(Place("/me/train.py", line, "main"),) for line in range(20_000)]
FRESH = frozenset({"fresh"})


def kinds(pattern: Pattern) -> list[str]:
    return [e.kind.value for e in pattern.events]


def train(ledger: Ledger, steps: int, line: int = 10) -> None:
    """A loop with a loader: one batch, one forward, one step each."""
    for _ in range(steps):
        ledger.batch("DataLoader", SITES[line])
        ledger.emit(Kind.FORWARD, "Net", SITES[line + 1])
        ledger.step("SGD", SITES[line + 2], FRESH)


def turns(ledger: Ledger, symbols: str) -> None:
    """One turn per character; equal characters are equal turns."""
    for symbol in symbols:
        ledger.batch("DataLoader", SITES[ord(symbol)])
    ledger.close()


# --- where turns begin and end


def test_a_batch_begins_a_turn() -> None:
    ledger = Ledger()
    train(ledger, 2)
    assert ledger.run.turns == 1, "the second is still under way"
    assert kinds(ledger.run.patterns[0]) == ["batch", "forward", "step"]


def test_in_a_program_without_batches_a_step_ends_the_turn() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.emit(Kind.FORWARD, "Net", SITES[1])
        ledger.step("SGD", SITES[2], FRESH)
    assert ledger.run.turns == 3
    assert [kinds(p) for p in ledger.run.patterns] == [["forward", "step"]]


def test_with_batches_several_steps_belong_to_one_turn() -> None:
    ledger = Ledger()
    ledger.batch("DataLoader", SITES[1])
    ledger.step("D", SITES[2], FRESH)
    ledger.step("G", SITES[3], FRESH)
    ledger.close()
    assert ledger.run.turns == 1
    assert ledger.run.steps == 2


def test_what_follows_an_exhausted_loader_belongs_to_no_batch() -> None:
    ledger = Ledger()
    train(ledger, 2)
    ledger.pass_end("DataLoader", SITES[5])
    ledger.emit(Kind.FORWARD, "Net", SITES[6])
    ledger.step("SGD", SITES[7], FRESH)
    assert [kinds(p) for p in ledger.run.patterns] == [
        ["batch", "forward", "step"],
        ["pass-end", "forward", "step"],
    ]
    assert (ledger.run.turns, ledger.run.passes, ledger.in_batch) == (3, 1, False)


def test_closing_an_empty_turn_counts_nothing() -> None:
    ledger = Ledger()
    ledger.close()
    train(ledger, 1)
    ledger.close()
    ledger.close()
    assert ledger.run.turns == 1


def test_someone_is_told_after_every_turn() -> None:
    ledger = Ledger()
    told: list[int] = []
    ledger.after_turn = lambda: told.append(ledger.run.turns)
    train(ledger, 3)
    ledger.close()
    assert told == [1, 2, 3]


def test_the_current_turn_can_be_read() -> None:
    ledger = Ledger()
    train(ledger, 1)
    assert [e.kind for e in ledger.current] == [Kind.BATCH, Kind.FORWARD, Kind.STEP]
    ledger.close()
    assert ledger.current == ()


def test_batches_move_the_clock_and_other_events_do_not() -> None:
    ledger = Ledger()
    train(ledger, 3)
    ledger.pass_end("DataLoader", SITES[1])
    assert ledger.moments == 3


# --- equal events, equal turns


def test_equal_events_are_one_object() -> None:
    ledger = Ledger()
    assert ledger.emit(Kind.STEP, "SGD", SITES[1], FRESH) is ledger.event(Kind.STEP, "SGD", SITES[1], FRESH)


@pytest.mark.parametrize(
    "other",
    [
        (Kind.CLEAR, "SGD", SITES[1], FRESH),
        (Kind.STEP, "Adam", SITES[1], FRESH),
        (Kind.STEP, "SGD", SITES[2], FRESH),
        (Kind.STEP, "SGD", SITES[1], frozenset({"carried"})),
        (Kind.STEP, "SGD", SITES[1], frozenset[str]()),
    ],
    ids=["kind", "subject", "site", "traits", "no traits"],
)
def test_events_that_differ_are_two(other: tuple[Kind, str, tuple[Place, ...], frozenset[str]]) -> None:
    ledger = Ledger()
    assert ledger.event(Kind.STEP, "SGD", SITES[1], FRESH) is not ledger.event(*other)


def test_a_million_equal_steps_would_be_one_pattern() -> None:
    ledger = Ledger()
    train(ledger, 5_000)
    ledger.close()
    (pattern,) = ledger.run.patterns
    assert (pattern.count, pattern.first, pattern.last) == (5_000, 0, 4_999)
    assert (pattern.streak, pattern.longest) == (5_000, 5_000)


def test_a_pattern_knows_the_step_at_which_it_was_first_seen() -> None:
    ledger = Ledger()
    train(ledger, 4)
    train(ledger, 1, line=50)
    ledger.close()
    assert [p.step for p in ledger.run.patterns] == [1, 5]


def test_the_turn_of_the_latest_novelty_is_known() -> None:
    ledger = Ledger()
    turns(ledger, "aaabab")
    assert ledger.novel == 3


def test_a_row_is_broken_by_any_other_turn() -> None:
    ledger = Ledger()
    turns(ledger, "aaaabaa")
    pattern = ledger.run.patterns[0]
    assert (pattern.count, pattern.streak, pattern.longest) == (6, 2, 4)


@settings(max_examples=60, deadline=None)
@given(st.text("abc", min_size=1, max_size=60))
def test_counts_and_rows_agree_with_a_naive_recount(symbols: str) -> None:
    ledger = Ledger()
    turns(ledger, symbols)
    rows = [(symbol, len(list(row))) for symbol, row in groupby(symbols)]
    assert ledger.run.turns == len(symbols)
    assert len(ledger.run.patterns) == len(set(symbols))
    for pattern in ledger.run.patterns:
        symbol = chr(pattern.events[0].place.line)
        assert pattern.count == Counter(symbols)[symbol]
        assert (pattern.first, pattern.last) == (symbols.index(symbol), symbols.rindex(symbol))
        own = [length for s, length in rows if s == symbol]
        assert (pattern.streak, pattern.longest) == (own[-1], max(own))


# --- shortened repeats


def spelled(text: str) -> list[Event]:
    """One event per character; equal characters are one object."""
    known = {symbol: Event(Kind.FORWARD, symbol) for symbol in text}
    return [known[symbol] for symbol in text]


@pytest.mark.parametrize(
    ("turn", "kept"),
    [
        ("", ""),
        ("a", "a"),
        ("aaa", "aaa"),
        ("aaaa", "aaa"),
        ("a" * 99, "aaa"),
        ("xaaaaay", "xaaay"),
        ("aaabaaa", "aaabaaa"),
        ("ababab", "ababab"),
        ("ab" * 4, "ababab"),
        ("ab" * 50 + "c", "abababc"),
        ("abc" * 3, "abcabcabc"),
        ("abcdef" * 9, "abcdef" * 3),
        ("abcdefg" * 4, "abcdefg" * 4),
        ("aabb" * 5, "aabb" * 3),
        ("abababac" * 4, "abababac" * 4),
        ("xab" + "ab" * 5 + "yy" * 5, "xabababyyy"),
        ("abcabcabcabd", "abcabcabcabd"),
    ],
)
def test_repeats_of_up_to_six_events_are_kept_three_times(turn: str, kept: str) -> None:
    assert "".join(e.subject for e in shortened(spelled(turn))) == kept


def has_a_long_repeat(text: str) -> bool:
    return any(
        text[i : i + size] * 4 == text[i : i + 4 * size]
        for size in range(1, 7)
        for i in range(len(text) - 4 * size + 1)
    )


@settings(max_examples=150, deadline=None)
@given(st.text("ab", max_size=60))
def test_shortening_leaves_no_long_repeat_and_is_done_once(text: str) -> None:
    once = "".join(e.subject for e in shortened(spelled(text)))
    assert not has_a_long_repeat(once)
    assert "".join(e.subject for e in shortened(spelled(once))) == once


@settings(max_examples=80, deadline=None)
@given(st.text("ab", max_size=40), st.integers(0, 40))
def test_shortening_a_beginning_first_changes_nothing(text: str, cut: int) -> None:
    events = spelled(text)
    assert shortened([*shortened(events[:cut]), *events[cut:]]) == shortened(events)


@pytest.mark.parametrize("micro_steps", [4, 5, 16, 1_000])
def test_turns_that_differ_only_in_how_often_they_repeat_are_equal(micro_steps: int) -> None:
    ledger = Ledger()
    for count in (4, micro_steps):
        ledger.batch("DataLoader", SITES[1])
        for _ in range(count):
            ledger.emit(Kind.FORWARD, "Net", SITES[2])
            ledger.emit(Kind.BACKWARD, "", SITES[3])
        ledger.step("SGD", SITES[4], FRESH)
    ledger.close()
    assert [p.count for p in ledger.run.patterns] == [2]


@pytest.mark.parametrize("fewer", [1, 2, 3])
def test_up_to_three_repeats_are_told_apart(fewer: int) -> None:
    ledger = Ledger()
    for count in (4, fewer):
        ledger.batch("DataLoader", SITES[1])
        for _ in range(count):
            ledger.emit(Kind.FORWARD, "Net", SITES[2])
    ledger.close()
    assert len(ledger.run.patterns) == (1 if fewer == 3 else 2)


def test_an_event_that_exists_already_can_be_appended() -> None:
    ledger = Ledger()
    event = ledger.event(Kind.USED, "Net", SITES[2])
    train(ledger, 1)
    ledger.append(event)
    ledger.close()
    assert ledger.run.patterns[0].events[-1] is event


# --- bounded memory


def test_ten_thousand_different_turns_keep_a_bounded_number_and_say_so_once() -> None:
    ledger = Ledger()
    for line in range(10_000):
        ledger.batch("DataLoader", SITES[line])
    ledger.close()
    assert ledger.run.turns == 10_000
    assert len(ledger.run.patterns) == PATTERNS
    assert [b.subject for b in ledger.run.blind] == ["the loop"]
    assert not ledger.run.blind[0].essential


def test_known_turns_are_still_counted_when_no_new_ones_are_kept() -> None:
    ledger = Ledger()
    for line in range(PATTERNS + 5):
        ledger.batch("DataLoader", SITES[line])
    turns(ledger, "aaa")
    assert max(p.count for p in ledger.run.patterns) == 4


def test_as_many_turns_as_fit_are_nothing_to_speak_of() -> None:
    ledger = Ledger()
    for line in range(PATTERNS):
        ledger.batch("DataLoader", SITES[line])
    ledger.close()
    assert ledger.run.blind == []


def test_a_hundred_thousand_events_without_a_batch_take_no_memory() -> None:
    ledger = Ledger()
    pair = ((Kind.FORWARD, "Net", SITES[1]), (Kind.LOSS, "mse_loss", SITES[2]))
    for number in range(90_000):
        ledger.emit(*pair[number % 2])
    tracemalloc.start()
    for number in range(10_000):
        ledger.emit(*pair[number % 2])
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 10_000, "less than a byte per event"
    assert len(ledger.current) < LONGEST_TURN
    assert ledger.run.turns == 0, "it is one turn, shortened"


def test_events_without_order_and_without_a_batch_are_cut_into_turns() -> None:
    ledger = Ledger()
    for number in range(5_000):
        ledger.emit(Kind.FORWARD, "Net", SITES[number % 251])
    assert len(ledger.current) < LONGEST_TURN
    assert ledger.run.turns >= 10
    assert all(len(p.events) <= LONGEST_TURN for p in ledger.run.patterns)


def test_steps_are_counted_however_irregular_the_loop() -> None:
    ledger = Ledger()
    ledger.batch("DataLoader", SITES[0])
    for number in range(5_000):
        ledger.step("SGD", SITES[number % 251], FRESH)
    assert ledger.run.steps == 5_000
