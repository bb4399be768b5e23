"""Numbers, places and names as the reader sees them."""

from pathlib import Path

import pytest

from osler.model import Answer, Finding, Place
from osler.report.wording import answered, in_one_line, number, percent, printable, where

ROOT = Path("/home/user/project")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (220.0, "220"),
        (-3.0, "-3"),
        (999_999_999, "999999999"),
        (3e9, "3e+09"),
        (0.031249, "0.03125"),
        (1.5e-9, "1.5e-09"),
        (123.456, "123.5"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.00004, "0 %"), (0.0006, "0.06 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (1.239, "124 %")],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("/home/user/project/train.py", 41), "train.py:41"),
        (Place("/home/user/project/src/net.py", 2), "src/net.py:2"),
        (Place("/home/user/project2/train.py", 41), "/home/user/project2/train.py:41"),
        (Place("/home/user/project/train.py"), "train.py"),
        (Place("/tmp/ipykernel_1/2.py", 3, cell="7"), "cell 7, line 3"),
        (Place("<stdin>", 1), "<stdin>:1"),
        (Place(subject="head.weight", step=3), "head.weight"),
        (Place(step=3), "step 3"),
        (Place(), "training"),
    ],
)
def test_where(place: Place, text: str) -> None:
    assert where(place, ROOT) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("größe 损失 é", "größe 损失 é"),
        ("a\tb", "a   b"),
        ("a\r\nb", "a  b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_printable(raw: str, text: str) -> None:
    assert printable(raw) == text


def test_in_one_line(placeless: Finding) -> None:
    assert in_one_line(placeless, ROOT) == (
        "head.weight  warning  parameters-without-gradient: "
        "`head.weight` never received a gradient in 220 backwards"
    )


def test_an_answer_stands_behind_its_question() -> None:
    asked = Answer("evaluate-twice", "do two evaluations agree?", "yes, bit for bit", seconds=0.26)
    assert answered(asked) == "do two evaluations agree? yes, bit for bit (0.3 s)"
    skipped = Answer("evaluate-twice", "do two evaluations agree?", skipped="there is\x1b no model")
    assert answered(skipped) == "do two evaluations agree? not asked: there is\\x1b no model"
