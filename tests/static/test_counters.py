"""A number that something counts up is another one in the next turn: no condition on it is certain."""

import pytest

from osler.model import Branch, Const, Loop, Unknown

TURN = "for x in loader:\n    model(x).sum().backward()\n"
STEP = "        optimizer.step()\n"
IN_LINE = {
    "a name": ("n = 0", "n"),
    "an item": ("s = {'n': 0}", "s['n']"),
    "an item of an item": ("s = {'a': {'n': 0}}", "s['a']['n']"),
    "a namespace": ("import argparse\ns = argparse.Namespace(n=0)", "s.n"),
    "an object": ("class S: pass\ns = S()\ns.n = 0", "s.n"),
    "an object with a usual value": ("class S: n = 0\ns = S()", "s.n"),
    "a data class": ("import dataclasses\n@dataclasses.dataclass\nclass S: n: int = 0\ns = S()", "s.n"),
    "a class": ("class S: n = 0", "S.n"),
    "a model": ("model.n = 0", "model.n"),
    "a list": ("s = [0]", "s[0]"),
}
BY_CALL = {
    "a global name": "n = 0\ndef tick():\n    global n\n    n += 1\ndef now(): return n",
    "an item": "s = {'n': 0}\ndef tick(): s['n'] += 1\ndef now(): return s['n']",
    "an item that is given": "s = {'n': 0}\ndef tick(): s['n'] = s['n'] + 1\ndef now(): return s['n']",
    "an object": "class S: n = 0\ns = S()\ndef tick(): s.n += 1\ndef now(): return s.n",
    "a method": "class S:\n    n = 0\n    def up(self): self.n += 1\n"
    "s = S()\ndef tick(): s.up()\ndef now(): return s.n",
    "a function's own": "def tick(): tick.n += 1\ntick.n = 0\ndef now(): return tick.n",
    "an update": "s = {'n': 0}\ndef tick(): s.update(n=s['n'] + 1)\ndef now(): return s['n']",
    "a flag": "s = {'n': False}\ndef tick(): s['n'] = True\ndef now(): return s['n']",
}


def is_doubtful(read) -> bool:
    """The step is taken on one way and not on another."""
    (loop,) = [n for n in read.machine.block if isinstance(n, Loop)]
    return any(isinstance(n, Branch) for n in loop.body) and "step optimizer" in read.told


@pytest.mark.parametrize(("start", "number"), IN_LINE.values(), ids=IN_LINE)
@pytest.mark.parametrize("count", ["{} += 1", "{0} = {0} + 1"])
def test_counted_in_the_loop(trained, start: str, number: str, count: str) -> None:
    behind = f"{start}\n{TURN}    {count.format(number)}\n    if {number} % 4 == 0:\n{STEP}"
    before = f"{start}\n{TURN}    if {number} % 4 == 3:\n{STEP}    {count.format(number)}\n"
    assert is_doubtful(trained(behind))
    assert is_doubtful(trained(before))


@pytest.mark.parametrize("start", BY_CALL.values(), ids=BY_CALL)
def test_counted_by_a_call(trained, start: str) -> None:
    assert is_doubtful(trained(f"{start}\n{TURN}    tick()\n    if now() == 4:\n{STEP}"))
    assert is_doubtful(trained(f"{start}\n{TURN}    if now() == 4:\n{STEP}    tick()\n"))


@pytest.mark.parametrize(
    "start",
    [
        "s = {'every': 1}",
        "s = {'every': 1, 'n': 0}\ns['n'] += 1",
        "class S: every = 1\ns = vars(S)\ns = {'every': 1}",
        "def config():\n    made = {}\n    made['every'] = 1\n    return made\ns = config()",
    ],
)
def test_what_nothing_counts_is_known(trained, start: str) -> None:
    read = trained(f"{start}\n{TURN}    if s['every'] == 1:\n{STEP}")
    assert not is_doubtful(read)
    assert "step optimizer" in read.told


def test_outside_loops_and_functions_a_number_is_what_it_was_given(script) -> None:
    assert script("s = {'n': 0}\ns['n'] += 2\nx = s['n']")["x"] == Const(2)


FLAG = "fast = False\n{}\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "try:\n    import apex\n    fast = True\nexcept ImportError:\n    pass",
        "try:\n    import apex\n    fast = True\nexcept ImportError as e:\n    print(e)",
        "try:\n    import apex\nexcept ImportError:\n    pass\nelse:\n    fast = True",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import apex\n    fast = True",
        "from contextlib import suppress\nwith suppress(ImportError, OSError):\n    fast = True",
        "def ask():\n    global fast\n    try: fast = True\n    except OSError: return\nask()",
        "try:\n    raise OSError\n    fast = 1\nexcept OSError:\n    fast = True\nexcept E:\n    pass",
    ],
)
def test_what_an_exception_may_have_prevented_is_not_certain(script, attempt: str) -> None:
    assert isinstance(script(FLAG.format(attempt))["fast"], Unknown)


@pytest.mark.parametrize(
    "attempt",
    [
        "try:\n    fast = True\nexcept ImportError:\n    raise",
        "try:\n    fast = True\nfinally:\n    print(1)",
        "try:\n    import apex\nexcept ImportError:\n    print(2)\nfast = True",
        "try:\n    fast = True\nexcept ImportError:\n    fast = True",
        "import sys\ntry:\n    fast = True\nexcept ImportError:\n    sys.exit()",
        "with torch.no_grad():\n    fast = True",
    ],
)
def test_what_nothing_prevented_is(script, attempt: str) -> None:
    assert script(FLAG.format(attempt))["fast"] == Const(True)


def test_a_handler_sees_what_was_there_before_and_what_was_made(trained) -> None:
    read = trained("net = model\ntry: net = nn.Linear(1, 1)\nexcept E: net.eval()\nelse: net.train()")
    assert {a.subject.variants for a in read.actions if "eval" in a.words} != {()}
    assert read["model"] in read["net"].variants


def test_a_suppressed_way_out_goes_on_behind(trained) -> None:
    inside = "def f():\n    with contextlib.suppress(E):\n        raise E\n    optimizer.step()\nf()"
    assert trained(f"import contextlib\n{inside}").told[-1] == "step optimizer"
