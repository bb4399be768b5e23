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
