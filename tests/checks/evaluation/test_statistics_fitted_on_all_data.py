import pytest

from osler.checks.evaluation.statistics_fitted_on_all_data import check
from osler.model import Severity
from osler.testing import read

IMPORTS = (
    "from sklearn.preprocessing import *\nfrom sklearn.model_selection import train_test_split\n"
    "import numpy as np\n"
)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "x = StandardScaler().fit_transform(x)\na, b = train_test_split(x)",
            "`StandardScaler` is fitted on all of `x` before line 37 splits it.",
        ),
        (
            "s = MinMaxScaler()\na, b = train_test_split(x)\ns.fit(x)\ntrain(s.transform(a), s.transform(b))",
            "`MinMaxScaler` is fitted on all of `x` after line 37 splits it.",
        ),
        (
            "x = (x - x.mean(0)) / x.std(0)\na, b = train_test_split(x)",
            "mean and deviation are taken of all of `x` before line 37 splits it.",
        ),
        (
            "x = x - np.mean(x, axis=0)\na, b = train_test_split(x)",
            "mean is taken of all of `x` before line 37 splits it.",
        ),
        (
            "x = (x - x.min()) / (x.max() - x.min())\na, b = train_test_split(x)",
            "range is taken of all of `x` before line 37 splits it.",
        ),
    ],
)
def test_says_what_was_seen(lines: str, message: str) -> None:
    (found,) = read(IMPORTS + lines, [check]).findings
    assert found.message == message
    assert found.severity is Severity.WARNING
    assert [r.label for r in found.related] == ["the data are split here"]


@pytest.mark.parametrize(
    "lines",
    [
        "x = (x - x.mean()) / x.std()\na, b = train_test_split(x)",
        "x = x - np.mean(x)\na, b = train_test_split(x)",
        "mean, std = x.mean(), x.std()\nx = (x - mean) / std\na, b = train_test_split(x)",
    ],
)
def test_one_number_of_everything_is_a_hint(lines: str) -> None:
    (found,) = read(IMPORTS + lines, [check]).findings
    assert found.severity is Severity.HINT


@pytest.mark.parametrize(
    "lines",
    [
        "mean, std = x.mean(axis=0), x.std(axis=0)\nx = (x - mean) / std\na, b = train_test_split(x)",
        "x = x - np.mean(x, 0)\na, b = train_test_split(x)",
        "x = (x - x.min()) / (x.max() - x.min())\na, b = train_test_split(x)",
    ],
)
def test_numbers_of_each_feature_and_extremes_are_more(lines: str) -> None:
    (found,) = read(IMPORTS + lines, [check]).findings
    assert found.severity is Severity.WARNING


def test_is_told_once() -> None:
    lines = "x = PCA().fit_transform(x)\na, b = train_test_split(x)\nc, d = train_test_split(x)"
    assert len(read(IMPORTS + lines, [check]).findings) == 1


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
