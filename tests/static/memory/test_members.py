"""Attributes and methods."""

from collections.abc import Callable

import pytest

CLASS = """
class Holder:
    shared = np.zeros(4)

    def __init__(self):
        self.x = np.zeros(4)

    @property
    def view(self):
        return self.x

    @staticmethod
    def same(x):
        return x

holder = Holder()
a = holder.x
"""


@pytest.mark.parametrize(
    "code", ["b = holder.x", "b = holder.view", "b = holder.same(a)", "b = Holder.same(holder.x)"]
)
def test_the_same(follow: Callable[..., object], code: str) -> None:
    assert follow(f"{CLASS}{code}").shares("a", "b")


def test_each_object_has_its_own(follow: Callable[..., object]) -> None:
    assert not follow(f"{CLASS}b = Holder().x").shares("a", "b")
    assert follow(f"{CLASS}b, c = Holder().shared, holder.shared").shares("b", "c")


def test_an_attribute_that_nobody_gave(follow: Callable[..., object]) -> None:
    assert follow(f"{CLASS}b = holder.y\nc = holder.y").shares("b", "c")
    odd = CLASS.replace("@property", "def __getattr__(self, name):\n        return 1\n\n    @property")
    assert not follow(f"{odd}b = holder.y\nc = holder.y").shares("b", "c")


def test_weights_are_the_same_whenever_asked_for(follow: Callable[..., object]) -> None:
    net = "net = nn.Sequential(nn.Linear(2, 2))\n"
    assert follow(f"{net}a = net[0].weight\nb = net[0].weight.data").shares("a", "b")
    assert not follow(f"{net}a = net[0].weight\nb = net[1].weight").shares("a", "b")


def test_a_base_that_cannot_be_read(follow: Callable[..., object]) -> None:
    odd = CLASS.replace("class Holder:", "class Holder(Base):")
    assert not follow(f"{odd}holder.renew()\nb = holder.x").shares("a", "b")
    assert follow(f"{CLASS}holder.renew()\nb = holder.x").shares("a", "b")
