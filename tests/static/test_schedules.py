"""What the reader knows of a schedule of learning rates when it is made."""

import pytest

from osler.model import Const, Helper, Kind, Length, Unknown

LAMBDA = "s = torch.optim.lr_scheduler.LambdaLR(optimizer, {})"


@pytest.mark.parametrize(
    ("function", "first"),
    [
        ("lambda step: step / 10", 0),
        ("lambda step: min(1.0, step / 10)", 0),
        ("lambda step: step / warmup", 0),
        ("lambda step: min(1, float(step) / args.warmup)", 0),
        ("lambda epoch: 0.5 * epoch / total", 0),
        ("lambda step: max(0.5, step / 10)", 0.5),
        ("lambda step: 1.0 if step > 3 else 0.25", 0.25),
        ("[lambda step: step / 10, lambda step: step * 2]", 0),
        ("lr_lambda=lambda step: 1.0", 1),
    ],
)
def test_first_factor(trained, function: str, first: float) -> None:
    assert trained(LAMBDA.format(function))["s"].options["first"] == Const(first)


@pytest.mark.parametrize(
    "function",
    [
        "factor",
        "lambda step: (step + 1) / width",
        "lambda step: max(floor, step / width)",
        "lambda step: min(highest, step / width)",
        "lambda step: 1 - step / width",
        "lambda step: width / step",
        "lambda step: scale(step) / width",
        "lambda step: 0.9 ** step",
        "[lambda s: s, lambda s: 1]",
        "[]",
    ],
)
def test_first_factor_that_is_not_known(trained, function: str) -> None:
    assert isinstance(trained(LAMBDA.format(function))["s"].options["first"], Unknown)


def test_function_of_a_schedule_does_nothing_to_the_script(trained) -> None:
    script = trained(LAMBDA.format("lambda step: optimizer.step() or 1.0"))
    assert [a for a in script.actions if a.kind is Kind.STEP] == []


PLAIN = "s = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)\n"


@pytest.mark.parametrize(
    ("text", "handed"),
    [
        ("s.step()", False),
        ("print(s.get_last_lr())", False),
        ("state = s.state_dict()", False),
        ("kept = [s]", False),
        ("advance = s.step", False),
        ("train(model, s)", True),
        ("train([s])", True),
        ("train({'schedule': s})", True),
        ("train(s.step)", True),
        ("s.advance(3)", True),
        ("state.schedule = s", True),
        ("torch.optim.lr_scheduler.SequentialLR(optimizer, [s], [2])", True),
        ("torch.optim.lr_scheduler.ChainedScheduler([s])", True),
    ],
)
def test_schedules_that_others_may_step(trained, text: str, handed: bool) -> None:
    found = trained(PLAIN + text)["s"]
    assert isinstance(found, Helper)
    assert found.handed is handed


@pytest.mark.parametrize(
    ("number", "times"),
    [
        ("len(loader)", False),
        ("int(len(loader))", False),
        ("len(loader) // 4", False),
        ("len(loader) + 1", False),
        ("epochs * len(loader)", True),
        ("len(loader) * 10", True),
        ("len(loader) * 10 // 4", True),
        ("len(loader) * 10 - 5", True),
    ],
)
def test_numbers_of_batches(script, number: str, times: bool) -> None:
    found = script(f"loader = DataLoader(data)\nn = {number}")["n"]
    assert isinstance(found, Length)
    assert found.times is times


@pytest.mark.parametrize(
    "number",
    ["10 / len(loader)", "len(loader) % 2", "len(loader) / len(loader)", "5 - len(loader)"],
)
def test_other_numbers(script, number: str) -> None:
    assert not isinstance(script(f"loader = DataLoader(data)\nn = {number}")["n"], Length)


@pytest.mark.parametrize("expression", ["loss / len(loader)", "len(loader) * loss", "loss - len(loader)"])
def test_a_loss_and_a_number_of_batches_are_a_loss(trained, expression: str) -> None:
    script = trained(f"loader = DataLoader(data)\nloss = model(torch.ones(2, 4)).sum()\nz = {expression}")
    assert script["z"].has_graph
