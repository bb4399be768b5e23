"""What the source says of the loop around a line."""

from pathlib import Path

import pytest

from osler.model import Place
from osler.preflight.reading import heeds_size, may_end_early

ENDS = {
    "plain": ("for x in loader:\n    step(x)  # here", False),
    "counted": ("for i, x in enumerate(loader):\n    step(x)  # here", False),
    "with a bar": ("for x in tqdm(loader, total=len(loader)):\n    step(x)  # here", False),
    "early stopping after a pass": (
        "for e in range(9):\n    for x in loader:\n        step(x)  # here\n    if bad:\n        break",
        False,
    ),
    "leaves": ("for x in loader:\n    step(x)  # here\n    if done:\n        break", True),
    "returns": ("def run():\n    for x in loader:\n        step(x)  # here\n        return 1", True),
    "first ones": ("for x in islice(loader, 9):\n    step(x)  # here", True),
    "beside another": ("for x, y in zip(loader, other):\n    step(x)  # here", True),
    "while": ("while True:\n    x = next(batches)\n    step(x)  # here", True),
    "no loop": ("step(x)  # here", True),
}
HEEDS = {
    "plain": ("for x in loader:\n    step(x)  # here", False),
    "another condition": ("for x in loader:\n    if i % 10 == 0:\n        log()\n    step(x)  # here", False),
    "leaves small ones out": (
        "for x in loader:\n    if len(x) < 2:\n        continue\n    step(x)  # here",
        True,
    ),
    "by shape": ("for x in loader:\n    if x.shape[0] == n:\n        step(x)  # here", True),
    "by size": ("for x in loader:\n    y = 1 if x.size(0) > 1 else 0\n    step(x)  # here", True),
    "in the function": ("def train(x):\n    if x.numel() < 8:\n        return\n    step(x)  # here", True),
    "catches": ("for x in loader:\n    try:\n        step(x)  # here\n    except E:\n        pass", True),
    "catches around everything": (
        "try:\n    for x in loader:\n        step(x)  # here\nfinally:\n    end()",
        False,
    ),
}


def site(folder: Path, code: str):
    path = folder / "train.py"
    path.write_text(f"{code}\n")
    (line,) = (n for n, text in enumerate(code.splitlines(), 1) if text.endswith("# here"))
    return (Place(str(path), line),)


@pytest.mark.parametrize(("code", "early"), ENDS.values(), ids=ENDS.keys())
def test_passes_come_to_their_end(code: str, early: bool, tmp_path: Path) -> None:
    assert may_end_early(site(tmp_path, code)) == early


@pytest.mark.parametrize(("code", "heeded"), HEEDS.values(), ids=HEEDS.keys())
def test_sizes_are_heeded(code: str, heeded: bool, tmp_path: Path) -> None:
    assert heeds_size(site(tmp_path, code)) == heeded


def test_the_loop_may_be_in_a_caller(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("def step(x):\n    model(x)\n\n\nfor x in loader:\n    step(x)\n")
    places = (Place(str(path), 2), Place(str(path), 6))
    assert not may_end_early(places)
    assert may_end_early(places[:1])


def test_what_cannot_be_read_is_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("for x in\n")
    assert may_end_early((Place(str(path), 1),))
    assert may_end_early(())
