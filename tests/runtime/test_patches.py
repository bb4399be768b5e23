"""Probes are put in place without the script being able to tell, and every one of them is taken out again."""

import functools
import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from osler.runtime.patches import Patches

SCALE = 10


def plain(a, b):
    return (a, b)


def with_defaults(a, b=2, c=(3, 4)):
    return (a, b, c)


def keyword_only(a, *, b, c=3):
    return (a, b, c)


def positional_only(a, b=2, /, c=3):
    return (a, b, c)


def positional_only_alone(a, /):
    return a


def anything(*args, **kwargs):
    return (args, kwargs)


def everything(a, b=2, /, c=3, *rest, d, e=5, **more):
    """What a signature can hold."""
    local = SCALE
    return (a, b, c, rest, d, e, more, local)


def annotated(a: int, b: "list[str] | None" = None, *, c: float = 0.5) -> tuple[object, ...]:
    return (a, b, c)


def nothing():
    return None


def shadowing(args, kwargs, result=1, self=2):
    return (args, kwargs, result, self)


def uses_globals(a):
    return a * SCALE


def holds_a_cell(a, b=1):
    return (lambda: a + b)()


def make_closure(base, step):
    def closure(a, *, times=2):
        """Adds."""
        return base + step * times + a

    return closure


def make_counter():
    count = 0

    def counter(by=1):
        nonlocal count
        count += by
        return count

    return counter


@functools.wraps(plain)
def wrapped(*args, **kwargs):
    return plain(*args, **kwargs)


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (plain, (1, 2), {}),
    (plain, (1,), {"b": 2}),
    (plain, (), {"b": 1, "a": 2}),
    (with_defaults, (1,), {}),
    (with_defaults, (1, 7), {}),
    (with_defaults, (1,), {"c": 9}),
    (keyword_only, (1,), {"b": 2}),
    (keyword_only, (1,), {"c": 2, "b": 3}),
    (positional_only, (1,), {}),
    (positional_only, (1, 5, 6), {}),
    (positional_only, (1,), {"c": 6}),
    (positional_only_alone, (1,), {}),
    (anything, (), {}),
    (anything, (1, 2), {"x": 3, "self": 4}),
    (everything, (1,), {"d": 4}),
    (everything, (1, 2, 3, 4, 5), {"d": 6, "e": 7, "f": 8, "a": 9}),
    (annotated, (1,), {"c": 1.5}),
    (nothing, (), {}),
    (shadowing, (1, 2), {"self": 3}),
    (uses_globals, (3,), {}),
    (holds_a_cell, (3,), {}),
    (make_closure(1, 10), (5,), {}),
    (make_closure(1, 10), (5,), {"times": 3}),
    (wrapped, (1, 2), {}),
]

FUNCTIONS = list({id(f): f for f, *_ in CALLS}.values())

WRONG_CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (plain, (1,), {}),
    (plain, (1, 2, 3), {}),
    (plain, (1, 2), {"c": 3}),
    (plain, (1, 2), {"a": 3}),
    (keyword_only, (1, 2), {}),
    (keyword_only, (1,), {}),
    (positional_only, (), {"a": 1}),
    (nothing, (1,), {}),
    (everything, (1,), {}),
]


@pytest.fixture
def patches() -> Iterator[Patches]:
    patches = Patches()
    yield patches
    patches.undo()


@pytest.fixture
def seen() -> list[Any]:
    return []


def recording(seen: list[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps a function so that its arguments are noted before it is called."""

    def wrap(twin: Callable[..., Any]) -> Callable[..., Any]:
        def observed(*args: Any, **kwargs: Any) -> Any:
            seen.append((args, kwargs))
            return twin(*args, **kwargs)

        return observed

    return wrap


def named(function: Callable[..., Any]) -> str:
    return function.__qualname__


def looks(function: Any) -> dict[str, Any]:
    """All that a script can see of a function without calling it."""
    code = function.__code__
    return {
        "identity": id(function),
        "name": function.__name__,
        "qualified name": function.__qualname__,
        "module": function.__module__,
        "defaults": function.__defaults__,
        "keyword defaults": function.__kwdefaults__,
        "annotations": function.__annotations__,
        "documentation": function.__doc__,
        "attributes": dict(vars(function)),
        "globals": id(function.__globals__),
        "cells": function.__closure__,
        "signature": inspect.signature(function),
        "own signature": inspect.signature(function, follow_wrapped=False),
        "argument names": inspect.getfullargspec(function),
        "source": inspect.getsource(function),
        "lines": inspect.getsourcelines(function)[1],
        "file": inspect.getsourcefile(function),
        "free variables": code.co_freevars,
        "place": (code.co_filename, code.co_firstlineno, code.co_name, code.co_qualname),
        "counts": (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        "kind": (inspect.isgeneratorfunction(function), inspect.iscoroutinefunction(function)),
    }


# --- swapping the code of plain functions


@pytest.mark.parametrize(("function", "args", "kwargs"), CALLS, ids=lambda v: getattr(v, "__name__", None))
def test_a_swapped_function_answers_as_before_and_is_observed(
    patches: Patches,
    seen: list[Any],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    before = function(*args, **kwargs)
    patches.swap(function, recording(seen))
    assert function(*args, **kwargs) == before
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("function", "args", "kwargs"), WRONG_CALLS, ids=lambda v: getattr(v, "__name__", None)
)
def test_a_wrong_call_of_a_swapped_function_fails_with_the_same_words_and_is_not_observed(
    patches: Patches,
    seen: list[Any],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    with pytest.raises(TypeError) as before:
        function(*args, **kwargs)
    patches.swap(function, recording(seen))
    with pytest.raises(TypeError) as after:
        function(*args, **kwargs)
    assert str(after.value) == str(before.value)
    assert seen == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_a_swapped_function_looks_as_before(patches: Patches, function: Callable[..., Any]) -> None:
    before = looks(function)
    patches.swap(function, lambda twin: twin)
    assert looks(function) == before


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_undoing_gives_the_very_code_back(patches: Patches, function: Any) -> None:
    code, before, names = function.__code__, looks(function), set(function.__globals__)
    patches.swap(function, lambda twin: twin)
    assert function.__code__ is not code
    patches.undo()
    assert function.__code__ is code
    assert looks(function) == before
    assert set(function.__globals__) == names


def test_defaults_are_filled_in_before_the_replacement_sees_them(patches: Patches, seen: list[Any]) -> None:
    patches.swap(with_defaults, recording(seen))
    with_defaults(1)
    assert seen == [((1, 2, (3, 4)), {})]


def test_keyword_only_arguments_stay_keywords(patches: Patches, seen: list[Any]) -> None:
    patches.swap(keyword_only, recording(seen))
    keyword_only(1, b=2)
    assert seen == [((1,), {"b": 2, "c": 3})]


def test_defaults_that_the_script_changes_meanwhile_are_used(patches: Patches) -> None:
    function = make_closure(0, 1)
    patches.swap(function, lambda twin: twin)
    function.__kwdefaults__["times"] = 5
    assert function(0) == 5


def test_a_closure_shares_its_variables_with_the_original(patches: Patches) -> None:
    counter = make_counter()
    counter()
    patches.swap(counter, lambda twin: twin)
    assert counter() == 2
    patches.undo()
    assert counter() == 3


def test_references_taken_earlier_are_observed(patches: Patches, seen: list[Any]) -> None:
    early = functools.partial(plain, 1)
    patches.swap(plain, recording(seen))
    early(2)
    assert len(seen) == 1


def test_a_swapped_function_is_pickled_as_before(patches: Patches) -> None:
    before = pickle.dumps(plain)
    patches.swap(plain, lambda twin: twin)
    assert pickle.dumps(plain) == before
    assert pickle.loads(before) is plain


def test_an_exception_passes_through(patches: Patches) -> None:
    def failing() -> None:
        raise KeyError("missing")

    patches.swap(failing, lambda twin: twin)
    with pytest.raises(KeyError, match="missing"):
        failing()


def test_a_replacement_may_answer_by_itself(patches: Patches) -> None:
    patches.swap(plain, lambda twin: lambda a, b: "replaced")
    assert plain(1, 2) == "replaced"
    patches.undo()
    assert plain(1, 2) == (1, 2)


def test_recursion_is_observed_at_every_level(patches: Patches, seen: list[Any]) -> None:
    def countdown(n: int) -> int:
        return countdown(n - 1) if n else 0

    patches.swap(countdown, recording(seen))
    countdown(3)
    assert [args for args, _ in seen] == [(3,), (2,), (1,), (0,)]


def test_functions_of_one_name_in_one_module_do_not_disturb_each_other(patches: Patches) -> None:
    ones, tens = make_closure(0, 1), make_closure(0, 10)
    patches.swap(ones, lambda twin: twin)
    patches.swap(tens, lambda twin: twin)
    assert (ones(0), tens(0)) == (2, 20)
    patches.undo()
    assert (ones(0), tens(0)) == (2, 20)


def test_a_function_can_be_swapped_twice_and_both_see_the_call(patches: Patches) -> None:
    first: list[Any] = []
    second: list[Any] = []
    code = plain.__code__
    patches.swap(plain, recording(first))
    patches.swap(plain, recording(second))
    assert plain(1, 2) == (1, 2)
    assert (len(first), len(second)) == (1, 1)
    patches.undo()
    assert plain.__code__ is code


# --- rebinding the methods of classes


class Machine:
    def __init__(self, speed: int = 1) -> None:
        self.speed = speed

    def run(self, *, times: int = 1) -> int:
        """Run."""
        return self.speed * times


class Faster(Machine):
    pass


def answering_with(value: object) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda original: lambda *args, **kwargs: value


def test_a_rebound_method_is_observed_for_all_instances_old_and_new(
    patches: Patches, seen: list[Any]
) -> None:
    old = Machine(3)
    patches.rebind(Machine, "run", recording(seen))
    assert (old.run(times=2), Machine(2).run(), Faster(5).run()) == (6, 2, 5)
    assert len(seen) == 3


def test_a_rebound_method_looks_as_before(patches: Patches) -> None:
    original = Machine.run
    patches.rebind(Machine, "run", recording([]))
    assert inspect.signature(Machine.run) == inspect.signature(original)
    assert inspect.getsource(Machine.run) == inspect.getsource(original)
    assert (Machine.run.__name__, Machine.run.__qualname__, Machine.run.__doc__) == (
        "run",
        "Machine.run",
        "Run.",
    )


def test_undoing_puts_the_very_method_back(patches: Patches) -> None:
    original, everything_else = Machine.run, set(vars(Machine))
    patches.rebind(Machine, "run", answering_with(0))
    patches.undo()
    assert Machine.run is original
    assert set(vars(Machine)) == everything_else


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Machine, "walk"), (Faster, "run"), (types.SimpleNamespace(a=1), "b")],
    ids=["nobody has it", "only a parent has it", "not in the module"],
)
def test_what_the_owner_itself_lacks_is_skipped(patches: Patches, owner: Any, name: str) -> None:
    before = dict(vars(owner))
    patches.rebind(owner, name, answering_with(0))
    assert dict(vars(owner)) == before
    assert patches.names == []


def test_a_name_the_script_has_replaced_meanwhile_is_left_alone(
    patches: Patches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Machine) -> str:
        return "the script's"

    monkeypatch.setattr(Machine, "run", Machine.run)  # puts back what the script does not
    patches.rebind(Machine, "run", answering_with(0))
    Machine.run = run  # type: ignore
    patches.undo()
    assert Machine.run is run


def test_a_name_the_script_has_removed_meanwhile_is_left_alone(patches: Patches) -> None:
    owner = types.SimpleNamespace(go=lambda: 1)
    patches.rebind(owner, "go", answering_with(0))
    del owner.go
    patches.undo()
    assert not hasattr(owner, "go")


def test_rebinding_twice_is_undone_in_the_right_order(patches: Patches) -> None:
    original = Machine.run
    patches.rebind(Machine, "run", answering_with(1))
    patches.rebind(Machine, "run", answering_with(2))
    assert Machine().run() == 2
    patches.undo()
    assert Machine.run is original


def test_changed_names_are_listed_until_they_are_restored(patches: Patches) -> None:
    patches.rebind(Machine, "run", answering_with(1))
    patches.rebind(Machine, "__init__", lambda original: original)
    assert patches.names == [(Machine, "run"), (Machine, "__init__")]
    patches.undo()
    assert patches.names == []


# --- undoing


def test_actions_run_once_and_last_first(patches: Patches) -> None:
    done: list[str] = []
    patches.on_undo(lambda: done.append("first"))
    patches.on_undo(lambda: done.append("second"))
    patches.undo()
    patches.undo()
    assert done == ["second", "first"]


def test_patches_can_be_used_again_after_undoing(patches: Patches, seen: list[Any]) -> None:
    for _ in range(2):
        patches.swap(plain, recording(seen))
        plain(1, 2)
        patches.undo()
        plain(1, 2)
    assert len(seen) == 2
