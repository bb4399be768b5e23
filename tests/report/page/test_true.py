"""The pictures are true: what the pages show is what the script itself computed."""

import base64
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest


def unpacked(text: str) -> list[float]:
    kind, _, body = text.partition(":")
    if kind == "every":
        first, distance, amount = map(int, body.split(","))
        return [float(first + n * distance) for n in range(amount)]
    return np.frombuffer(base64.b64decode(body), f"<{kind}").astype(float).tolist()


def row(page: dict[str, Any], name: str) -> dict[str, Any]:
    return next(r for r in page["layers"]["rows"] if r["name"] == name)


def test_the_loss_is_the_loss(shown: Any) -> None:
    loss = shown.series("loss")
    assert unpacked(loss["at"]) == list(range(36))
    assert unpacked(loss["mean"]) == pytest.approx(shown.truth["loss"], rel=1e-6)


@pytest.mark.parametrize(("measure", "truth"), [("gradient_norm", "norms"), ("update_ratio", "ratios")])
def test_strips_are_what_autograd_and_the_step_did_to_each_parameter(
    shown: Any, measure: str, truth: str
) -> None:
    compared = 0
    for name, numbers in truths(shown.truth[truth]).items():
        place = row(shown.page, f"Net.{name}")["series"][measure]
        series = shown.page["series"][place]
        for step, value in zip(unpacked(series["at"]), unpacked(series["mean"]), strict=True):
            assert value == pytest.approx(numbers[int(step)], rel=1e-4)
            compared += 1
    assert compared >= 20


def test_what_the_step_did_not_move_has_moved_by_nothing(shown: Any) -> None:
    place = row(shown.page, "Net.side.weight")["series"]["update_ratio"]
    assert set(unpacked(shown.page["series"][place]["mean"])) == {0.0}


def truths(per_step: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [step[name] for step in per_step] for name in per_step[0]}


def test_what_the_cut_left_without_gradient_says_so(shown: Any) -> None:
    assert [r["name"] for r in shown.page["layers"]["rows"] if r.get("reached") is False] == [
        "Net.side.weight",
        "Net.side.bias",
    ]


def test_the_cut_is_at_its_line_and_before_its_parameters(shown: Any) -> None:
    (cut,) = shown.page["graph"]["cuts"]
    assert cut["operation"] == "`detach()`"
    assert cut["place"] == shown.line("# the cut")
    assert cut["backward"] == shown.line("loss.backward()")
    assert sorted(cut["unreached"]) == ["Net.side.bias", "Net.side.weight"]
    assert cut["wrong"] is True


def test_the_flow_between_modules_is_that_of_the_forward(shown: Any) -> None:
    nodes = [n["name"] for n in shown.page["graph"]["modules"]["nodes"]]
    edges = {(nodes[a], nodes[b]) for a, b in shown.page["graph"]["modules"]["edges"]}
    expected: set[tuple[str, str]] = set()
    before = "Net.stem"
    for n in range(4):
        block = f"Net.blocks.{n}"
        expected |= {(before, f"{block}.first"), (f"{block}.first", f"{block}.second")}
        expected |= {(before, f"{block}.Add"), (f"{block}.second", f"{block}.Add")}
        before = f"{block}.Add"
    assert edges == expected | {(before, "Net.head")}
    assert "Net.side" in nodes


def test_equal_blocks_fold_into_one(shown: Any) -> None:
    folds = Counter(n["fold"] for n in shown.page["graph"]["modules"]["nodes"])
    assert folds["Net.blocks.0.first"] == folds["Net.blocks.0.Add"] == 4
    assert folds["Net.stem"] == 1


def test_the_operations_behind_the_loss_end_at_its_backward(shown: Any) -> None:
    (graph,) = shown.page["graph"]["autograd"]
    assert graph["place"] == shown.line("loss.backward()")
    assert graph["nodes"][0]["name"] == "NllLoss"
    used = {name for node in graph["nodes"] for name in node["parameters"]}
    assert used == {f"Net.{name}" for name in shown.truth["norms"][0]}


def test_each_operation_names_the_line_that_calls_it(shown: Any) -> None:
    (graph,) = shown.page["graph"]["autograd"]
    lines = {(node["name"], node["place"]) for node in graph["nodes"]}
    in_block = shown.line("return x + self.second")
    assert {("NllLoss", shown.line("cross_entropy(logits")), ("Relu", in_block), ("Add", in_block)} <= lines
    (stem,) = [node for node in graph["nodes"] if "Net.stem.weight" in node["parameters"]]
    assert stem["place"] == shown.line("return self.head(")
    assert all(place for _, place in lines)


def test_class_balance_is_that_of_the_batches_that_were_sampled(shown: Any) -> None:
    series = shown.series("label_count:0")
    steps = sorted({int(s) for n in "012" for s in unpacked(shown.series(f"label_count:{n}")["at"])})
    training = [shown.truth["labels"][s] for s in steps if s < 36]
    seen = {c["name"]: c["seen"] for c in shown.page["data"]["classes"]}
    assert series["count"] > 0
    assert seen == {str(n): sum(batch[n] for batch in training) for n in range(3)}
    assert sum(c["share"] for c in shown.page["data"]["classes"]) == pytest.approx(1)


def test_sizes_of_logits_are_counted_by_powers_of_two(shown: Any) -> None:
    sizes = next(h for h in shown.page["data"]["histograms"] if h["name"] == "loss_input")
    for n, step in enumerate(sizes["steps"]):
        logits = shown.truth["logits"][step]
        expected = Counter(math.floor(math.log2(abs(x))) for x in logits if x)
        got = {sizes["power"] + k: amount for k, amount in enumerate(sizes["bins"][n]) if amount}
        assert got == dict(expected)
        assert sizes["negatives"][n] == sum(x < 0 for x in logits)


def test_evaluations_are_marked_at_the_steps_where_they_ran(shown: Any) -> None:
    assert shown.page["timeline"]["evaluations"] == shown.truth["evaluations"]


def test_loaders_say_what_they_are_for(shown: Any) -> None:
    told = [
        (x["use"], x["samples"], x["batch_size"], x["order"], x["begun"])
        for x in shown.page["data"]["loaders"]
    ]
    assert told == [("training", 96, 8, "random", 3), ("evaluation", 96, 48, "sequential", 3)]


def test_the_loss_got_logits(shown: Any) -> None:
    (loss,) = shown.page["data"]["losses"]
    everything = [x for step in shown.truth["logits"] for x in step]
    assert (loss["function"], loss["are"], loss["classes"]) == ("cross_entropy", "logits", 3)
    assert min(everything) <= loss["lowest"] <= loss["highest"] <= max(everything)
