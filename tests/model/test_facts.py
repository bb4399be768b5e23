"""What facts say about themselves."""

from dataclasses import replace

import pytest

from osler.model import CutFact, LossInputFact, ParameterFact, by_model, elements_of
from osler.testing import place

LOGITS = LossInputFact("nll_loss", (place(12),), 32, 0, 0, 32, 4, 0.0, 1.0, 1.0, 1.0)
PROBABILITIES = replace(LOGITS, probability_rows=32)
LOG_PROBABILITIES = replace(LOGITS, log_probability_rows=32)
WEIGHT = ParameterFact("body.weight", "Net", 60)
BIAS = ParameterFact("body.bias", "Net", 20)
LOOSE = ParameterFact("w", "", 5)


@pytest.mark.parametrize(
    ("fact", "probabilities", "log_probabilities"),
    [
        (LOGITS, False, False),
        (PROBABILITIES, True, False),
        (LOG_PROBABILITIES, False, True),
        (replace(PROBABILITIES, probability_rows=31), False, False),
        (replace(LOG_PROBABILITIES, log_probability_rows=31), False, False),
        (replace(PROBABILITIES, rows=31, probability_rows=31), False, False),
        (replace(LOG_PROBABILITIES, rows=31, log_probability_rows=31), False, False),
        (replace(PROBABILITIES, classes=1), False, False),
        (replace(LOG_PROBABILITIES, classes=1), False, False),
    ],
)
def test_what_the_rows_of_a_loss_input_are(
    fact: LossInputFact, probabilities: bool, log_probabilities: bool
) -> None:
    assert (fact.are_probabilities, fact.are_log_probabilities) == (probabilities, log_probabilities)


@pytest.mark.parametrize(("rows", "tested"), [(0, False), (31, False), (32, True), (1000, True)])
def test_enough_rows_were_tested(rows: int, tested: bool) -> None:
    assert replace(LOGITS, rows=rows).tested is tested


def test_the_origin_ends_a_phrase() -> None:
    assert f"probabilities{replace(LOGITS, made_by='softmax').origin}" == "probabilities from `softmax`"
    assert LOGITS.origin == ""


@pytest.mark.parametrize(
    ("operation", "spelled"),
    [
        ("detach", "`detach()`"),
        ("detach_", "`detach()`"),
        ("__float__", "`float()`"),
        ("data", "`.data`"),
        ("no_grad", "`torch.no_grad()`"),
        ("inference_mode", "`torch.inference_mode()`"),
    ],
)
def test_a_cut_is_spelled_as_the_user_wrote_it(operation: str, spelled: str) -> None:
    assert CutFact(operation, (), ()).spelled == spelled


@pytest.mark.parametrize(
    ("names", "behind"),
    [(("body.weight",), True), (("Net.body.weight",), True), (("body",), False), ((), False)],
)
def test_a_cut_is_behind_the_parameters_it_names(names: tuple[str, ...], behind: bool) -> None:
    assert CutFact("detach", (), names).is_behind(WEIGHT) is behind


def test_full_name() -> None:
    assert (WEIGHT.full_name, LOOSE.full_name) == ("Net.body.weight", "w")


def test_elements() -> None:
    assert elements_of([WEIGHT, BIAS]) == 80
    assert elements_of([]) == 0


def test_parameters_under_their_models() -> None:
    assert by_model([WEIGHT, LOOSE, BIAS]) == {"Net": [WEIGHT, BIAS], "": [LOOSE]}
