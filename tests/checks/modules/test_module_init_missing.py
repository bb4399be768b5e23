from osler.checks.modules.module_init_missing import check
from osler.testing import read

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


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`silent` assigns layers without calling `super().__init__()`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
