import pytest

from osler.checks.modules.parameters_frozen_unintentionally import check
from osler.testing import read

CODE = """
for p in model[0].parameters():
    p.require_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`require_grad` is no attribute of torch: setting it freezes and unfreezes nothing."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "the attribute of each parameter": "for p in model.parameters(): p.requires_grad = False",
    "by name": "for n, p in model.named_parameters(): p.requires_grad = 'head' in n",
    "the method": "model.requires_grad_(False)",
    "one weight": "model[0].weight.requires_grad = False",
    "an input": "x = torch.randn(3); x.requires_grad = True",
    "options of the program": """
import argparse

args = argparse.ArgumentParser().parse_args()
args.require_grad = True
""",
    "a class of settings": """
class Config:
    require_grad = True


config = Config()
config.require_grad = False
""",
    "an attribute of its own": """
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.requires_grad = False

    def forward(self, x):
        return x if self.requires_grad else x.detach()


features = Features()
""",
    "an attribute of its own, set from outside": """
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.requires_grad = False

    def forward(self, x):
        return x if self.requires_grad else x.detach()


features = Features()
features.requires_grad = True
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
