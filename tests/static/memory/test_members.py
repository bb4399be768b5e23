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


PROPERTY = """
class Holder:
    def __init__(self):
        self._x = np.zeros(4)

    @property
    def x(self):
        return {given}

    @x.setter
    def x(self, value):
        {stored}
"""


@pytest.mark.parametrize(
    ("given", "stored", "same"),
    [
        ("self._x", "self._x = value", True),
        ("self._x", "self._x = value.copy()", False),
        ("self._x.copy()", "self._x = value", False),
        ("self._x", "self._x[:] = value", False),
        ("self._x", "pass", False),
        ("self._x", "self._x = self._y = value", True),
        ("self._x", "self.x = value", False),
    ],
)
def test_what_is_given_to_a_property(
    follow: Callable[..., object], given: str, stored: str, same: bool
) -> None:
    code = PROPERTY.format(given=given, stored=stored)
    found = follow(f"{code}holder, a = Holder(), np.ones(4)\nholder.x = a\nb = holder.x")
    assert found.shares("a", "b") is same


def test_a_property_of_the_base(follow: Callable[..., object]) -> None:
    code = PROPERTY.format(given="self._x", stored="self._x = value")
    heir = "class Heir(Holder): pass\nholder, a = Heir(), np.ones(4)\nholder.x = a\nb = holder._x"
    assert follow(code + heir).shares("a", "b")


def test_adding_to_a_property_changes_what_it_hands_out(follow: Callable[..., object]) -> None:
    code = PROPERTY.format(given="self._x", stored="self._x = value")
    assert follow(f"{code}holder = Holder()\nholder.x += 1\na = holder._x").is_changed("a")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("holder.x", "holder.x", True),
        ("holder.x", "holder.x.copy()", False),
        ("holder.shared", "Holder.shared", True),
        ("holder.x.T", "holder.x.data", True),
        ("holder.x", "holder.same(holder.x)", True),
        ("holder.view", "holder.view", True),
        ("holder.x.shape", "holder.x", False),
    ],
)
def test_two_ways_to_ask(follow: Callable[..., object], before: str, after: str, same: bool) -> None:
    assert follow(f"{CLASS}a = {before}\nb = {after}").shares("a", "b") is same
