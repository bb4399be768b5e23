"""The sentences around the findings, near-misses included."""

from dataclasses import replace

import pytest

from osler.model import Cost, Coverage, Diagnosis, Finding, Group, Subject
from osler.report.summary import ending, extent, listed, not_applicable, opening, price, problems, summary
from osler.report.summary import healthy as line


@pytest.mark.parametrize(
    ("ended_by", "exit_code", "sentence"),
    [
        ("", 0, ""),
        ("", None, ""),
        ("sys.exit", 0, ""),
        ("sys.exit", 3, "train.py exited with code 3 after 12 steps"),
        ("exception", 1, "train.py stopped with an exception after 12 steps"),
        ("interrupt", 130, "train.py was interrupted after 12 steps"),
        ("SIGTERM", 143, "train.py was ended by SIGTERM after 12 steps"),
        ("os._exit", 0, "train.py was ended by os._exit after 12 steps"),
        ("max-steps", 0, "train.py was stopped by --max-steps after 12 steps"),
        ("stop-on", 0, "train.py was stopped by --stop-on after 12 steps"),
    ],
)
def test_ending(ended_by: str, exit_code: int | None, sentence: str) -> None:
    assert ending(Subject(script="train.py", steps=12, ended_by=ended_by, exit_code=exit_code)) == sentence


def test_a_module_is_called_by_its_name() -> None:
    assert (
        ending(Subject(script="-m pkg.train", ended_by="SIGTERM"))
        == "pkg.train was ended by SIGTERM after 0 steps"
    )


def test_no_training_after_a_crash_gives_no_advice_about_arguments() -> None:
    crashed = Diagnosis(Subject(script="train.py", ended_by="exception", exit_code=1, batches=2))
    assert list(opening(crashed)) == [
        "train.py stopped with an exception after 0 steps",
        "no training seen: no backward, no optimizer step; 2 batches, 0 forward calls, 0 optimizers",
    ]


def test_a_backward_without_a_step_is_training(healthy: Diagnosis) -> None:
    subject = replace(healthy.subject, steps=0)
    (verdict,) = opening(replace(healthy, subject=subject))
    assert verdict.startswith("no problem found in 0 steps")


def test_silence_of_no_check_is_no_verdict(healthy: Diagnosis) -> None:
    assert line(replace(healthy, checked=())) == (
        "no verdict in 220 steps (0 checks, 3 not applicable; saw 4 of 4 modules; cost 0.6 %)"
    )


def test_problems_are_counted_by_severity(eval_mode: Finding, placeless: Finding, hint: Finding) -> None:
    causes = (eval_mode, eval_mode, placeless, hint, replace(placeless, suppressed=True))
    sick = Diagnosis(groups=tuple(Group(c, (eval_mode,)) for c in causes))
    assert problems(sick) == "2 errors, 1 warning, 1 hint"


def test_a_hint_alone_is_no_problem(healthy: Diagnosis, hint: Finding) -> None:
    (verdict,) = opening(replace(healthy, groups=(Group(hint),)))
    assert verdict.startswith("no problem found")


def test_nothing_more_is_said_of_a_healthy_run(healthy: Diagnosis) -> None:
    assert list(summary(healthy)) == []


@pytest.mark.parametrize(
    ("coverage", "text"),
    [
        (Coverage(1, 4, 4), "4 of 4 modules"),
        (Coverage(1, 1, 1), "1 of 1 module"),
        (Coverage(1, 0, 4), "0 of 4 modules"),
        (Coverage(), "no modules"),
    ],
)
def test_extent(coverage: Coverage, text: str) -> None:
    assert extent(coverage) == text


@pytest.mark.parametrize(
    ("seconds", "training", "text"),
    [
        (0.012, 2.0, "cost 0.6 %"),
        (0.5, 1.0, "cost 50 %"),
        (0.0301, 0.02, "cost 0.03 s"),  # 150 % of nothing
        (0.0, 0.0, "cost unknown"),  # the run was killed before it could tell
    ],
)
def test_price(seconds: float, training: float, text: str) -> None:
    assert price(Cost(0.01, seconds, training)) == text


def test_sampled_work_is_told_beside_the_whole() -> None:
    cost = Cost(0.01, 0.048, 1.0, sampled_seconds=0.0064)
    assert price(cost) == "cost 4.8 %, sampled work 0.64 %"


def test_reasons_are_told_once() -> None:
    assert not_applicable({"a": "no loss", "b": "no eval", "c": "no loss"}) == (
        "not applicable 3: no loss (a, c); no eval (b)"
    )


def test_of_many_reasons_those_that_hold_for_most_checks_are_told() -> None:
    reasons = {f"alone-{n}": f"no reason {n}" for n in range(6)} | {"x": "no loss", "y": "no loss"}
    assert not_applicable(reasons) == (
        "not applicable 8: no loss (x, y); no reason 0 (alone-0); no reason 1 (alone-1); "
        "no reason 2 (alone-2); 3 more in `--format json`"
    )


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcdef"]) == "a, b, c, d, e, f"
    assert listed([*"abcdefgh"]) == "a, b, c, d, e, f, 2 more"
