"""The lines of a function, with what each learns and of which part."""

import ast
from pathlib import Path

from osler.static.data_parts import Part
from osler.static.part_events import Within
from osler.static.part_lines import Lines
from osler.static.sources import parse


def lines_of(text: str) -> Lines:
    source = parse(Path("/home/user/data.py"), text.encode())
    node = source.tree.body[0] if source.tree is not None else None
    assert isinstance(node, ast.FunctionDef)
    within = Within(source, node)
    lines = Lines(within, lambda _, __: None)
    lines.origins = {n: frozenset({n}) for n in within.parameters}
    lines.follow(node.body)
    return lines


def test_data_come_from_parameters() -> None:
    (event,) = lines_of("def f(path, n):\n    x = read(path)\n    return PCA(2).fit_transform(x)\n").events
    assert (event.origins, event.unless, event.is_each) == ({"path"}, frozenset(), False)


def test_a_condition_decides() -> None:
    (event,) = lines_of("def f(split):\n    x = a if split else b\n    x = PCA(2).fit_transform(x)\n").events
    assert event.origins == {"split"}


def test_only_without_a_parameter() -> None:
    text = "def f(x, m=None):\n    if m is None:\n        m = x.mean(0)\n    return (x - m) / x.std(0)\n"
    (event,) = lines_of(text).events
    assert event.unless == {"m"}


def test_each_of_many() -> None:
    (event,) = lines_of("def f(runs):\n    for r in runs:\n        x = PCA(2).fit_transform(r)\n").events
    assert event.is_each


def test_both_parts_in_a_loop() -> None:
    text = "def f(x_train, x_test):\n    for x in (x_train, x_test):\n        x = PCA(2).fit_transform(x)\n"
    assert [e.part for e in lines_of(text).events] == [Part.TRAIN, Part.HELD_OUT]
