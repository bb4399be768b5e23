"""The rules by which something is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from osler.static.memory.blocks import Ref
from osler.static.memory.calls import invoke
from osler.static.memory.expressions import evaluate
from osler.static.memory.scene import Exhausted, Scene
from osler.static.memory.statements import follow_module, perform
from osler.static.project import project
from osler.static.sources import parse


def test_it_ends_when_its_budget_is_spent() -> None:
    source = parse(Path("/home/user/train.py"), b"a = 1\n" * 100)
    scene = Scene(evaluate, perform, invoke, project([source]), 50, 1_000)
    with pytest.raises(Exhausted):
        follow_module(scene, source)


def test_whoever_changes_memory_knows_what_it_holds(follow: Callable[..., object]) -> None:
    found = follow("a = np.zeros(4)\nb = a\na += 1")
    (changed,), (other,) = found["a"], found["b"]
    assert isinstance(changed, Ref)
    assert isinstance(other, Ref)
    assert not found.scene.state.is_stale(changed)
    assert found.scene.state.is_stale(other)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("x += 1; rows.append(x)", 1),
        ("x += 1; rows.append((x, 1))", 1),
        ("x += 1; rows.append([x, 1])", 1),
        ("rows.append(x)", 0),
        ("x = x + 1; rows.append(x)", 0),
        ("rows.append(x); rows.clear(); x += 1", 0),
        ("x += 1; rows = [x]", 0),
        ("x += 1; rows += [x]", 1),
        ("x += 1; rows.append(x if copied else x.copy())", 0),
    ],
)
def test_entries_that_are_one(follow: Callable[..., object], body: str, count: int) -> None:
    found = follow(f"x, rows = np.zeros(3), []\nfor n in range(9):\n    {body}")
    assert len(found.scene.found) == count
