"""Lines by the function they stand in."""

import ast
from pathlib import Path

from osler.static.regions import Region, own, regions, switches
from osler.static.sources import Source, parse

TEXT = """\
a = 1
for x in xs:
    with torch.no_grad():
        b = 2
    while x:
        c = 3
if a:
    d = 4
else:
    e = 5
try:
    f = 6
except ValueError:
    g = 7
finally:
    h = 8
match a:
    case 1:
        i = 9


@torch.no_grad()
def step():
    j = 10

    def inner():
        k = 11


class Net:
    l = 12

    def forward(self):
        m = 13
"""


def every() -> dict[str, tuple[Region, int, bool]]:
    found: dict[str, tuple[Region, int, bool]] = {}
    for region in regions(parse(Path("/x.py"), TEXT.encode())):
        for line in region.lines:
            if isinstance(line.node, ast.Assign):
                found[ast.unparse(line.node.targets[0])] = (region, len(line.loops), line.is_recorded)
    return found


def test_every_line_is_in_one_region() -> None:
    functions = {name: region.function for name, (region, _, _) in every().items()}
    assert functions == dict.fromkeys("abcdefghi", "") | {
        "j": "step", "k": "inner", "l": "", "m": "forward"
    }  # fmt: skip


def test_loops_around_a_line() -> None:
    assert {name: loops for name, (_, loops, _) in every().items() if loops} == {"b": 1, "c": 2}


def test_where_gradients_are_off() -> None:
    assert [name for name, (_, _, recorded) in every().items() if not recorded] == ["b", "j", "k"]


def test_what_is_in_a_statement_itself() -> None:
    (loop,) = ast.parse("for x in f(y):\n    g(z)\nelse:\n    h()").body
    assert [n.id for n in own(loop) if isinstance(n, ast.Name)] == ["x", "f", "y"]
    (attempt,) = ast.parse("try:\n    f()\nexcept g(x):\n    h()").body
    assert list(own(attempt)) == []


def test_place_of_a_line() -> None:
    region, _, _ = every()["m"]
    place = region.place(region.lines[0].node)
    assert (place.file, place.line, place.function) == ("/x.py", 34, "forward")


def test_what_could_not_be_parsed_has_none() -> None:
    assert list(regions(Source(Path("/x.py"), "def"))) == []


def test_contexts_that_switch_gradients_off() -> None:
    texts = [
        "torch.no_grad()",
        "no_grad",
        "torch.inference_mode()",
        "torch.set_grad_enabled(False)",
        "open(x)",
    ]
    assert [switches(ast.parse(t, mode="eval").body) for t in texts] == [True, True, True, True, False]
