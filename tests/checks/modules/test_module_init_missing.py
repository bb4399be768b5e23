import pytest

from osler.checks.modules.module_init_missing import check
from osler.model import CrashFact, Run
from osler.testing import findings, place, read, run_of

EARLY = "cannot assign module before Module.__init__() call"


def run(kind: str, message: str) -> Run:
    return run_of([], crash=CrashFact(kind, message, (place(7), place(20))), ended=True)


SILENT = {
    "no crash": run_of([]),
    "another attribute": run("AttributeError", "'Net' object has no attribute 'layer'"),
    "not a module": run("AttributeError", "module 'torch' has no attribute 'relu6'"),
    "another exception": run("KeyError", EARLY),
    "a private name of the user's": run("AttributeError", "'Net' object has no attribute '_modules_by_name'"),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()
    assert check.applies(healthy) == "no module was used before it was initialised"


def test_says_what_was_seen() -> None:
    (found,) = findings(run("AttributeError", EARLY), [check])
    assert found.message == "a layer or parameter is assigned before `super().__init__()` has run."
    assert found.place.line == 7
    assert [(r.place.line, r.label) for r in found.related] == [(20, "called here")]


def test_tables_that_are_missing() -> None:
    (found,) = findings(run("AttributeError", "'Net' object has no attribute '_modules'"), [check])
    assert found.message == "the module is used before `super().__init__()` has run."


CODE = """
class Silent(nn.Module):
    def __init__(self):
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


try:
    silent = Silent()
except AttributeError as error:
    print(error)
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`silent` assigns layers without calling `super().__init__()`.")


def test_reading_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


def own(start: str, head: str = "class Own(nn.Module):") -> str:
    """A module that begins like this."""
    return f"""
from dataclasses import dataclass


{head}
    def __init__(self):
        {start}
        self.body = nn.Linear(8, 4)


own = Own()
"""


READ_IN_SILENCE = {
    "as usual": own("super().__init__()"),
    "as it used to be": own("super(Own, self).__init__()"),
    "by the name of the class": own("nn.Module.__init__(self)"),
    "after plain numbers": own("self.width = 8; super().__init__()"),
    "in every case": own(
        "if torch.cuda.is_available(): super().__init__()\n        else: nn.Module.__init__(self)"
    ),
    "for each class it is made of": own("for base in type(self).__mro__[1:2]: base.__init__(self)"),
    "a chain": own("super().__init__(nn.ReLU())", "class Own(nn.Sequential):"),
    "no module": own("pass", "class Own:"),
    "a dataset": own("pass", "class Own(torch.utils.data.Dataset):"),
    "without a start of its own": """
class Own(nn.Module):
    def forward(self, x):
        return x


own = Own()
""",
    "a class in between": own(
        "super().__init__()",
        """class Middle(nn.Module):
    def __init__(self):
        super().__init__()


class Own(Middle):""",
    ),
    "a dataclass": own("super().__init__()", "@dataclass(eq=False)\nclass Own(nn.Module):").replace(
        "__init__(self):", "__post_init__(self):"
    ),
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()
