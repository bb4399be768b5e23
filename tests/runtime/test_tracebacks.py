"""The author of a script sees tracebacks as if nobody watched."""

import sys
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from osler.runtime.tracebacks import (
    BRIDGE,
    GUARD,
    PACKAGE,
    entries,
    forget_our_frames,
    is_ours,
    without_our_frames,
)

USER, OURS = "/home/user/train.py", f"{PACKAGE}runtime/probe.py"
Step = tuple[str, str]
"""A function and the file in which it is."""


def chain(*steps: Step) -> Callable[[BaseException], None]:
    """Functions that call each other in this order; the last raises what it is given."""

    def fail(error: BaseException) -> None:
        raise error

    call: Any = fail
    for name, file in reversed(steps):
        scope = {"call": call}
        exec(compile(f"def {name}(error):\n    call(error)\n", file, "exec"), scope)
        call = scope[name]
    return call


def raised(error: BaseException, *steps: Step) -> BaseException:
    with pytest.raises(type(error)):
        chain(*steps)(error)
    return error


def functions(error: BaseException) -> list[str]:
    """Names of the functions in the traceback, without those of this file."""
    found = (entry.tb_frame.f_code for entry in entries(error.__traceback__))
    return [code.co_name for code in found if code.co_filename != __file__]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([("main", USER), ("wrapper", OURS), ("forward", USER)], ["main", "forward"]),
        ([("start", OURS), ("main", USER)], ["main"]),
        ([("main", USER), ("step", OURS), ("check", OURS)], ["main"]),
        (
            [("a", OURS), ("main", USER), ("b", OURS), ("c", OURS), ("forward", USER), ("d", OURS)],
            ["main", "forward"],
        ),
        ([("main", USER), ("enter", GUARD), ("handler", OURS), ("stat", "/usr/lib/pathlib.py")], ["main"]),
        ([("main", USER), ("forward", USER)], ["main", "forward"]),
        ([("main", "/home/user/osler/train.py")], ["main"]),
        ([("main", PACKAGE.rstrip("/") + "_plugin/train.py")], ["main"]),
        ([("main", "<string>"), ("run", "<frozen runpy>")], ["main", "run"]),
    ],
    ids=[
        "in the middle",
        "outside",
        "at the end",
        "everywhere",
        "in our own work",
        "nowhere",
        "a folder that is called like us",
        "a package whose name begins like ours",
        "no files",
    ],
)
def test_our_frames_are_taken_out(steps: list[Step], kept: list[str]) -> None:
    error = raised(ValueError("x"), *steps)
    forget_our_frames(error)
    assert functions(error) == kept


def test_what_python_prints_names_us_nowhere() -> None:
    error = raised(ValueError("x"), ("main", USER), ("wrapper", OURS), ("forward", USER))
    forget_our_frames(error)
    text = "".join(traceback.format_exception(error))
    assert PACKAGE not in text
    assert text.endswith("ValueError: x\n")


def test_nothing_but_our_frames_leaves_nothing() -> None:
    error = raised(ValueError("x"), ("a", OURS), ("b", OURS))
    ours = next(e for e in entries(error.__traceback__) if e.tb_frame.f_code.co_filename == OURS)
    ours.tb_next.tb_next = None
    assert without_our_frames(ours) is None
    assert without_our_frames(None) is None
    assert list(entries(None)) == []


STEPS = (("main", USER), ("wrapper", OURS), ("forward", USER))


def from_cause() -> BaseException:
    error = ValueError("x")
    error.__cause__ = raised(KeyError("y"), *STEPS)
    return error


def from_context() -> BaseException:
    error = ValueError("x")
    error.__context__ = raised(KeyError("y"), *STEPS)
    return error


def from_group() -> BaseException:
    inner = ExceptionGroup("two", [raised(KeyError("y"), *STEPS), OSError()])
    return BaseExceptionGroup("all", [inner, KeyboardInterrupt()])


@pytest.mark.parametrize("make", [from_cause, from_context, from_group])
def test_wherever_an_exception_is_told_about(make: Callable[[], BaseException]) -> None:
    error = make()
    forget_our_frames(error)
    assert PACKAGE not in "".join(traceback.format_exception(error))


def test_exceptions_that_refer_to_each_other_end() -> None:
    first, second = raised(ValueError("x"), *STEPS), raised(KeyError("y"), *STEPS)
    first.__cause__, second.__cause__ = second, first
    forget_our_frames(first)
    assert functions(first) == functions(second) == ["main", "forward"]


def test_a_thousand_causes_are_no_recursion() -> None:
    error = first = raised(ValueError("0"), *STEPS)
    for number in range(3 * sys.getrecursionlimit()):
        error.__cause__ = error = ValueError(str(number))
    error.__cause__ = raised(ValueError("x"), *STEPS)
    forget_our_frames(first)
    assert functions(error.__cause__) == functions(first) == ["main", "forward"]


def test_deep_recursion_takes_no_time() -> None:
    """Python walks the whole chain at each assignment: thousands of them would take minutes."""

    class Counting:
        def __init__(self, tb_next: "Counting | None", code: CodeType) -> None:
            self.frames = type("Frame", (), {"f_code": code})
            self.following, self.assigned = tb_next, 0

        @property
        def tb_frame(self) -> Any:
            return self.frames

        @property
        def tb_next(self) -> "Counting | None":
            return self.following

        @tb_next.setter
        def tb_next(self, entry: "Counting | None") -> None:
            self.following = entry
            self.assigned += 1

    user, ours = compile("x", USER, "eval"), compile("x", OURS, "eval")
    start = last = None
    chained: list[Counting] = []
    for number in range(5_000):
        last = start
        start = Counting(last, ours if number == 3 else user)
        chained.append(start)
    assert without_our_frames(start) is start  # pyright: ignore
    assert sum(entry.assigned for entry in chained) == 1


def test_code_that_we_put_into_a_function_is_ours() -> None:
    """The file and the name are torch's, what is called is ours."""
    scope: dict[str, Any] = {}
    source = f"def cross_entropy(x):\n    return {BRIDGE}functional_cross_entropy(x)\n"
    exec(compile(source, "/site-packages/torch/nn/functional.py", "exec"), scope)
    assert is_ours(scope["cross_entropy"].__code__)


@pytest.mark.parametrize("source", ["x.my_osler_", "'_osler_'", "osler", "x"])
def test_code_that_only_mentions_us_is_the_script_s(source: str) -> None:
    assert not is_ours(compile(source, USER, "eval"))


def test_our_own_code_is_ours() -> None:
    assert is_ours(forget_our_frames.__code__)
    assert not is_ours(chain.__code__)
