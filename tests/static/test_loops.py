"""Loops: a body is followed once, and again if it changes what kind of thing a name stands for."""

import ast

import pytest

from osler.model import Const, Kind, Loader, Loop, Network, Tensor, Unknown
from osler.static.loops import stored_in


def loops(read) -> list[Loop]:
    return [n for n in read.machine.block if isinstance(n, Loop)]


def test_a_loop_over_a_loader_hands_out_its_batches(trained) -> None:
    read = trained("loader = DataLoader(d)\nfor x, y in loader:\n    model(x)")
    (loop,) = loops(read)
    assert loop.over is read["loader"]
    assert loop.place.line == 4
    assert read["y"].batch is read["loader"]
    assert read.told == ["forward model"]


@pytest.mark.parametrize(
    "over",
    [
        "enumerate(loader)",
        "tqdm(loader)",
        "zip(range(3), loader)",
        "enumerate(tqdm(loader), 1)",
        "iter(loader)",
    ],
)
def test_what_wraps_a_loader_is_that_loader(trained, over) -> None:
    read = trained(f"from tqdm import tqdm\nloader = DataLoader(d)\nfor b in {over}:\n    model(x)")
    assert loops(read)[0].over is read["loader"]


def test_a_loop_over_a_name_that_sounds_like_a_loader(trained) -> None:
    (loop,) = loops(trained("for x in train_loader:\n    model(x)"))
    assert isinstance(loop.over, Loader)


@pytest.mark.parametrize("head", ["for e in range(3)", "while what", "while True", "for e in what"])
def test_a_loop_over_something_else(trained, head) -> None:
    (loop,) = loops(trained(f"{head}:\n    model(x)"))
    assert not isinstance(loop.over, Loader)
    assert not loop.once


def test_a_loop_in_which_nothing_is_done_is_none(trained) -> None:
    assert loops(trained("for e in range(3):\n    x = e")) == []


@pytest.mark.parametrize(
    ("items", "turns"),
    [
        ("['train', 'val']", 2),
        ("(True, False)", 2),
        ("zip(['a', 'b'], (True, False))", 2),
        ("[('a', 1), ('b', 2)]", 2),
        ("[model, nn.Linear(1, 1)]", 2),
        ("['train']", 1),
        ("zip(['a', 'b'], [1, 2])", 1),
        ("[1, 2, 3]", 1),
        ("['a', 'b', 'c', 'd', 'e']", 1),
        ("['a', *more]", 1),
        ("range(2)", 1),
    ],
)
def test_a_short_list_of_words_or_things_is_followed_one_by_one(trained, items, turns) -> None:
    read = trained(f"for phase in {items}:\n    model(x)")
    assert len(loops(read)) == turns
    assert all(loop.once is (turns > 1) for loop in loops(read))


def test_each_turn_knows_its_phase(trained) -> None:
    read = trained(
        """
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()
        """
    )
    assert read.told == ["mode model train", "mode model eval"]


@pytest.mark.parametrize("items", ["[clear, log]", "(clear, Log())", "[optimizer.zero_grad, clear]"])
def test_a_list_of_functions_is_called_one_by_one(trained, items) -> None:
    read = trained(
        "def clear(): optimizer.zero_grad()\n"
        "def log(): pass\n"
        "class Log:\n"
        "    def __call__(self): pass\n"
        f"for call in {items}:\n"
        "    call()"
    )
    assert set(read.told) == {"clear optimizer"}


def test_a_number_that_the_body_changes_has_no_value_in_it(trained) -> None:
    read = trained("n = 0\nfor x in what:\n    if n == 0:\n        optimizer.step()\n    n += 1")
    assert read.told == ["step optimizer"]
    assert isinstance(read["n"], Unknown)


def test_one_that_it_does_not_change_keeps_it(trained) -> None:
    read = trained("n = 0\nfor x in what:\n    if n:\n        optimizer.step()")
    assert read.told == []
    assert read["n"] == Const(0)


def test_what_the_body_builds_is_there_in_the_next_turn(trained) -> None:
    read = trained(
        "sched = None\n"
        "for x in what:\n"
        "    if sched: sched.step()\n"
        "    sched = torch.optim.lr_scheduler.StepLR(optimizer, 1)"
    )
    assert read.told == ["schedule sched guarded"]


def test_a_sum_carries_its_graph_into_the_next_turn(trained) -> None:
    read = trained("total = 0\nfor x in what:\n    y = total\n    total = total + model(x)")
    assert isinstance(read["y"], Tensor)
    assert read["y"].networks == {read["model"]}


def test_behind_a_loop_that_builds_something_there_is_what_it_built(script) -> None:
    """A loop is taken to run at least once."""
    read = script("net = nn.Linear(1, 1)\nfor x in what:\n    net = nn.Linear(2, 2)")
    assert isinstance(read["net"], Network)
    assert read["net"].place.line == 4


@pytest.mark.parametrize(
    ("head", "is_reached"),
    [
        ("while True:\n        pass", False),
        ("while 1:\n        return", False),
        ("while True:\n        for e in what: break", False),
        ("while True:\n        if what: break", True),
        ("while True:\n        try: f()\n        except E: break", True),
        ("while True:\n        with a: break", True),
        ("while what:\n        pass", True),
        ("while what:\n        return", True),
        ("for e in what:\n        return", True),
        ("while False:\n        return", True),
    ],
)
def test_whether_the_line_behind_is_reached(trained, head, is_reached) -> None:
    read = trained(f"def f():\n    {head}\n    optimizer.step()\nf()")
    assert read.told == ["step optimizer"] * is_reached


def test_the_else_of_a_loop_is_followed(trained) -> None:
    assert trained("for e in what:\n    pass\nelse:\n    optimizer.step()").told == ["step optimizer"]
    assert trained("while what:\n    pass\nelse:\n    optimizer.step()").told == ["step optimizer"]


def test_the_condition_of_a_loop_is_asked_in_it(trained) -> None:
    (loop,) = loops(trained("while model(x) > 0:\n    optimizer.step()"))
    assert [a.kind for a in loop.body] == [Kind.FORWARD, Kind.STEP]


def test_a_loop_that_never_begins_does_nothing(trained) -> None:
    assert trained("while False:\n    optimizer.step()").told == []


def test_loops_inside_each_other_have_their_own_numbers(trained) -> None:
    (outer,) = loops(trained("for e in range(3):\n    for x in what:\n        model(x)"))
    (inner,) = [n for n in outer.body if isinstance(n, Loop)]
    assert outer.number != inner.number


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("for i in a: b = i", {"i", "b"}),
        ("for i in a:\n    if c: d, e = f", {"i", "d", "e"}),
        ("while a: b.c = 1", set()),
        ("while (n := f()): m += 1", {"n", "m"}),
    ],
)
def test_names_that_are_assigned_below(text, names) -> None:
    assert stored_in(ast.parse(text).body[0])[0] == names
