"""Every function of ours is passed over by dynamo, so that what is compiled is what it was without Osler."""

import dataclasses
import functools
import importlib
import inspect
import os
import pkgutil
import typing
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

import pytest
import torch

import osler.runtime
from osler.runtime import undynamo
from osler.runtime.guard import Gate
from osler.runtime.undynamo import (
    PACKAGE,
    SKIP_ALL,
    SKIP_THIS,
    codes_of,
    marker,
    nested,
    pass_over_our_frames,
)


def modules() -> list[str]:
    return [info.name for info in pkgutil.walk_packages(osler.runtime.__path__, f"{PACKAGE}.")]


def functions_in(code: CodeType) -> Iterator[CodeType]:
    """Code of everything in a compiled file that can be called; the body of a class runs once."""
    for inner in nested(code):
        if inner is not code and "__qualname__" not in inner.co_names:
            yield inner


def place(code: CodeType) -> tuple[str, int]:
    return (code.co_qualname, code.co_firstlineno)


@pytest.mark.parametrize("name", modules())
def test_no_function_of_ours_is_forgotten(name: str) -> None:
    """Also not the ones in decorators, properties, closures and tables."""
    module = importlib.import_module(name)
    written = compile(inspect.getsource(module), str(module.__file__), "exec", dont_inherit=True)
    known = set(map(place, codes_of(module)))
    assert [p for p in map(place, functions_in(written)) if p not in known] == []


SOURCE = """
import functools
from inspect import getsource as foreign

def plain():
    def inner():
        return lambda: 1
    return inner

cached = functools.cache(lambda: 2)
number = 3

class Thing:
    def method(self): pass
    @property
    def seen(self): pass
    @classmethod
    def made(cls): pass
    @staticmethod
    def free(): pass

class Sub(dict): pass
thing = Thing()
"""


@pytest.fixture
def module() -> ModuleType:
    made = ModuleType("stub")
    exec(SOURCE, made.__dict__)
    return made


def test_the_kinds_of_functions(module: ModuleType) -> None:
    assert [code.co_name for code in codes_of(module)] == [
        "plain",
        "inner",
        "<lambda>",
        "<lambda>",
        "method",
        "seen",
        "made",
        "free",
    ]


def test_what_a_module_only_imports_is_not_its_own(module: ModuleType) -> None:
    assert inspect.getsource.__code__ not in set(codes_of(module))
    assert functools.cache.__code__ not in set(codes_of(module))


def test_nested_functions_come_after_their_own() -> None:
    def outer() -> Callable[[], int]:
        return lambda: 1

    assert [code.co_name for code in nested(outer.__code__)] == ["outer", "<lambda>"]


class Frames:
    """Stands for the part of torch that is told."""

    class _FrameAction:
        SKIP, DEFAULT = "skip", "default"

    def __init__(self) -> None:
        self.told: dict[CodeType, Any] = {}

    def _FrameExecStrategy(self, this: str, below: str) -> tuple[str, str]:  # noqa: N802
        return (this, below)

    def set_code_exec_strategy(self, code: CodeType, strategy: tuple[str, str]) -> None:
        self.told[code] = strategy


class OldFrames:
    """The same in torch 2.6."""

    def __init__(self) -> None:
        self.told: list[CodeType] = []

    def skip_code(self, code: CodeType) -> None:
        self.told.append(code)


CODE = compile("1", "", "eval")


@pytest.mark.parametrize(
    ("depth", "strategy"), [(SKIP_THIS, ("skip", "default")), (SKIP_ALL, ("skip", "skip"))]
)
def test_how_deep_is_told(monkeypatch: pytest.MonkeyPatch, depth: int, strategy: tuple[str, str]) -> None:
    """What a frame of ours calls is still the script's, unless a gate stands before it."""
    frames = Frames()
    monkeypatch.setattr(undynamo, "frames", frames)
    marker()(CODE, depth)
    assert frames.told == {CODE: strategy}


@pytest.mark.parametrize("depth", [SKIP_THIS, SKIP_ALL])
def test_an_older_torch_is_told_what_it_understands(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    frames = OldFrames()
    monkeypatch.setattr(undynamo, "frames", frames)
    marker()(CODE, depth)
    assert frames.told == [CODE]


def test_ours_are_passed_over_and_no_one_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in modules():
        importlib.import_module(name)
    frames = Frames()
    monkeypatch.setattr(undynamo, "frames", frames)
    pass_over_our_frames()
    strangers = {
        c.co_filename for c in frames.told if f"{os.sep}osler{os.sep}runtime{os.sep}" not in c.co_filename
    }
    assert strangers <= {"<string>", dataclasses.__file__, typing.__file__}, "what dataclasses bring along"
    everything = {code for code, (_, below) in frames.told.items() if below == "skip"}
    assert everything == {Gate.call.__code__, Gate.within.__code__}


def test_this_torch_takes_the_marks() -> None:
    def ours(x: torch.Tensor) -> torch.Tensor:
        return x + 1

    marker()(ours.__code__, SKIP_THIS)
    assert ours(torch.ones(1)).item() == 2
