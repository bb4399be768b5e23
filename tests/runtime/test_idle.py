"""What counts as a use of a part: a call, a gradient, or a line that names it."""

import ast

import pytest

from osler.runtime.idle import names, reads

READS = {
    "its own method": ("class Net:\n def forward(self): return self.part", True),
    "a subclass": ("class More(models.Net):\n def forward(self): return self.part", True),
    "from outside": ("def use(net): return net.part(1)", True),
    "through another attribute": ("class Other:\n def run(self): return self.net.part", True),
    "its name as text": ("getattr(net, 'part')", True),
    "another class's own": ("class Other:\n def forward(self): return self.part", False),
    "the declaration": ("class Net:\n def __init__(self): self.part = 1", False),
    "initialisation": ("class Net:\n def __init__(self): zero(self.part)", False),
    "an assignment from outside": ("net.part = 1", False),
    "a variable": ("part = 1; print(part)", False),
    "a longer name": ("print(net.part_two, 'part of it')", False),
}


@pytest.mark.parametrize(("code", "expected"), READS.values(), ids=READS)
def test_reads(code: str, expected: bool) -> None:
    assert reads(ast.parse(code), "part", {"Net"}) is expected


def test_a_file_that_cannot_be_read_may_name_anything(tmp_path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert names(str(broken), "part", {"Net"})
