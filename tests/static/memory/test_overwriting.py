"""What is told of files."""

from collections.abc import Callable

import pytest

from osler.model import OverwrittenFact

WORLD = """
class World:
    def __init__(self):
        self.x = np.zeros(4)

    def step(self, a):
        self.x[a] += 1
        return self.x
"""
LOOP = """
world = World()
s = world.step(0)
for a in range(9):
    s2 = world.step(a)
    memory.push(s, a, s2)
    s = s2
"""

Told = Callable[..., list[OverwrittenFact]]


def test_a_pair(told: Told) -> None:
    (fact,) = told(WORLD + LOOP)
    assert (fact.kind, fact.name, fact.giver, fact.holder, fact.later) == (
        "pair",
        "self.x",
        "World.step",
        "s",
        "s2",
    )
    assert [site[0].line for site in (fact.site, fact.written, fact.kept)] == [8, 7, 14]
    assert fact.also == ()


def test_an_environment_in_another_file(told: Told) -> None:
    for statement in ("from world import World", "from world import *"):
        (fact,) = told(statement + LOOP, {"world.py": WORLD})
        assert fact.site[0].file == "/home/user/world.py"
        assert fact.kept[0].file == "/home/user/train.py"
    (fact,) = told("import world as w" + LOOP.replace("World()", "w.World()"), {"world.py": WORLD})
    assert fact.name == "self.x"


def test_a_function_that_nothing_calls(told: Told) -> None:
    body = LOOP.replace("\n", "\n    ").replace("world = World()", "pass")
    assert told(f"{WORLD}\ndef train(world: World):{body}\n")
    assert not told(f"{WORLD}\ndef train(world):{body}\n")


LIST = "total, curve = np.zeros(3), []\nfor x in xs:\n    total += x\n    curve.append(total)\n"


def test_a_list(told: Told) -> None:
    (fact,) = told(f"{LIST}plot(curve)")
    assert (fact.kind, fact.name, fact.giver, fact.holder) == ("list", "total", "", "curve")
    assert fact.site == fact.kept


@pytest.mark.parametrize("end", ["", "print(len(curve))", "plot(curve[-1])"])
def test_a_list_that_nobody_reads(told: Told, end: str) -> None:
    assert told(LIST + end) == []
