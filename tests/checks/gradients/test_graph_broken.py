from dataclasses import replace

import pytest

from osler.checks.gradients.graph_broken import check
from osler.model import (
    CrashFact,
    CutFact,
    Event,
    Kind,
    ModelFact,
    OptimizerFact,
    ParameterFact,
    Run,
)
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
NO_GRAD = event(Kind.FORWARD, "Net", 12, "no-grad")
LOSS = event(Kind.LOSS, "cross_entropy", 13)
BACKWARD = event(Kind.BACKWARD, "", 14)
LEAF = event(Kind.BACKWARD, "", 14, "leaf-root")
NO_GRAPH = event(Kind.BACKWARD, "", 14, "no-graph")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
CRITIC_STEP = event(Kind.STEP, "Adam", 25, "fresh")
TURN = [BATCH, FORWARD, BACKWARD, STEP]

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
ADAM = OptimizerFact("Adam", (place(6),), 4, 100)
NET = ModelFact("Net", 100, 100, 5)
BODY = ParameterFact("body.weight", "Net", 90, optimizers=("SGD",), reached=False)
HEAD = ParameterFact("head.weight", "Net", 110, optimizers=("SGD",))
DETACH = CutFact("detach", (place(8),), ("body.weight",))
CRASH = CrashFact(
    "RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn", (place(14),)
)


def seen(
    *parameters: ParameterFact, turns: int = 5, cuts: tuple[CutFact, ...] = (DETACH,), **facts: object
) -> Run:
    defaults: dict[str, object] = {"models": [NET], "optimizers": [SGD, ADAM]}
    return run_of([TURN] * turns, cuts=list(cuts), parameters=list(parameters), **(defaults | facts))


SILENT = {
    "nothing cut": seen(BODY, HEAD, cuts=()),
    "reached another way": seen(replace(BODY, reached=True), HEAD),
    "a teacher in no optimizer": seen(replace(BODY, model="Teacher", optimizers=()), HEAD),
    "an average that is updated by hand": seen(replace(BODY, updated=True), HEAD),
    "frozen": seen(replace(BODY, trainable=False), HEAD),
    "not used with gradients": seen(replace(BODY, used=False), HEAD),
    "the cut lies before other parameters": seen(
        BODY, HEAD, cuts=(CutFact("detach", (place(8),), ("other",)),)
    ),
    "D(fake.detach()) before the generator's first step": seen(
        replace(BODY, model="G", optimizers=("Adam",)), replace(HEAD, model="D")
    ),
    "a target beside a path that is trained": seen(
        BODY, HEAD, cuts=(CutFact("detach", (place(8),), ("body.weight", "head.weight")),)
    ),
    "a target computed without gradients": seen(
        BODY, HEAD, cuts=(CutFact("no_grad", (place(8),), ("body.weight", "head.weight")),)
    ),
    "two steps": seen(BODY, HEAD, turns=2),
    "the look is older than the steps": seen(BODY, HEAD, turns=9, parameters_step=2),
    "one loss without history": run_of([TURN, [BATCH, LEAF]]),
    "no graph, but the program goes on": run_of([[BATCH, NO_GRAD, NO_GRAPH]] * 2),
    "another crash": run_of([TURN, [BATCH, NO_GRAPH]], crash=CrashFact("RuntimeError", "out of memory", ())),
    "the crash came from elsewhere": run_of([TURN], crash=CRASH),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(BODY, HEAD), [check])
    assert found.message == (
        "`detach()` cuts the graph, so no gradient reaches 1 trainable parameter before it: `body.weight`. "
        "That is 45.0% of the trainable elements of `Net`."
    )
    assert (found.place.line, found.place.subject) == (8, "Net")
    assert [r.place.line for r in found.related] == [14, 5]
    assert found.fix == "Remove `.detach()` or `.data` from the path to the loss."


@pytest.mark.parametrize(
    ("operation", "words", "advice"),
    [
        ("data", "`.data`", "Remove"),
        ("argmax", "`argmax()`", "from the logits with `CrossEntropyLoss`."),
        ("round", "`round()`", "no gradient"),
        ("item", "`item()`", "Keep the tensor"),
        ("numpy", "`numpy()`", "Keep the tensor"),
        ("no_grad", "`torch.no_grad()`", "Take the forward"),
        ("autograd.grad", "`autograd.grad()`", "Pass `create_graph=True`"),
        ("nonzero", "`nonzero()`", check.fix),
    ],
)
def test_advice_depends_on_the_operation(operation: str, words: str, advice: str) -> None:
    (found,) = findings(seen(BODY, HEAD, cuts=(replace(DETACH, operation=operation),)), [check])
    assert found.message.startswith(words)
    assert advice in found.fix


def test_a_parameter_may_be_named_with_its_model() -> None:
    cut = replace(DETACH, parameters=("Net.body.weight",))
    assert len(findings(seen(BODY, HEAD, cuts=(cut,)), [check])) == 1


def test_the_cut_that_loses_most_is_told_and_explains_the_others() -> None:
    first = ParameterFact("stem.weight", "Net", 10, optimizers=("SGD",), reached=False)
    inner = CutFact("round", (place(7),), ("stem.weight",))
    outer = CutFact("detach", (place(8),), ("stem.weight", "body.weight"))
    (found,) = findings(seen(first, BODY, HEAD, cuts=(inner, outer, outer)), [check])
    assert found.place.line == 8
    assert "2 trainable parameters" in found.message


def test_layers_under_no_grad_beside_a_target_are_no_accident() -> None:
    cuts = tuple(CutFact("no_grad", (place(8),), (name,)) for name in ("body.weight", "head.weight"))
    assert_silent(seen(BODY, HEAD, cuts=cuts), [check])
    assert len(findings(seen(BODY, HEAD, cuts=cuts[:1]), [check])) == 1


@pytest.mark.parametrize(("operation", "function"), [("detach", "forward"), ("argmax", "main")])
def test_an_accident_beside_a_path_that_is_trained(operation: str, function: str) -> None:
    cut = CutFact(operation, (replace(place(8), function=function),), ("body.weight", "head.weight"))
    assert len(findings(seen(BODY, HEAD, cuts=(cut, cut)), [check])) == 1


G_BACKWARD, G_STEP = event(Kind.BACKWARD, "", 24), event(Kind.STEP, "Adam", 25, "fresh")
GENERATOR = ParameterFact("w", "G", 9, optimizers=("Adam",), reached=False)
CRITIC_CUT = CutFact("detach", (place(8),), ("G.w",), root=BACKWARD.site)
OWN_CUT = replace(CRITIC_CUT, operation="argmax", root=G_BACKWARD.site)
GAMES = {
    "in one turn": [[*TURN, FORWARD, G_BACKWARD, G_STEP]] * 5,
    "without a loader": [TURN[1:], [FORWARD, G_BACKWARD, G_STEP]] * 5,
    "the step opens the next turn": [[G_STEP, *TURN, G_BACKWARD]] * 5,
}


def game(turns: list[list[Event]], cut: CutFact) -> Run:
    return run_of(turns, cuts=[cut], parameters=[HEAD, GENERATOR], optimizers=[SGD, ADAM])


@pytest.mark.parametrize("turns", GAMES.values(), ids=GAMES.keys())
def test_the_loss_of_the_other_player_may_stop_at_it(turns: list[list[Event]]) -> None:
    assert findings(game(turns, CRITIC_CUT), [check]) == ()


@pytest.mark.parametrize("turns", GAMES.values(), ids=GAMES.keys())
def test_a_loss_of_its_own_may_not(turns: list[list[Event]]) -> None:
    (found,) = findings(game(turns, OWN_CUT), [check])
    assert found.message == (
        "`argmax()` cuts the graph, so no gradient reaches 1 trainable parameter before it: `w`. "
        "That is 100.0% of the trainable elements of `G`."
    )


def test_a_cut_behind_an_unknown_backward_is_told() -> None:
    assert len(findings(game(GAMES["in one turn"], replace(CRITIC_CUT, root=(place(99),))), [check])) == 1


def test_both_optimizers_step_on_the_one_backward() -> None:
    assert len(findings(game([[*TURN, G_STEP]] * 5, CRITIC_CUT), [check])) == 1


def test_a_cut_behind_two_models() -> None:
    encoder = ParameterFact("w", "Encoder", 10, optimizers=("SGD",), reached=False)
    (found,) = findings(
        seen(encoder, BODY, HEAD, cuts=(replace(DETACH, parameters=("w", "body.weight")),)), [check]
    )
    assert found.message == (
        "`detach()` cuts the graph, so no gradient reaches 2 trainable parameters before it: "
        "`w`, `body.weight`. That is 47.6% of the trainable elements of `Encoder`, `Net`."
    )


def test_one_finding_for_each_cut() -> None:
    assert (
        len(
            findings(
                seen(
                    BODY,
                    replace(HEAD, reached=False),
                    cuts=(DETACH, CutFact("argmax", (place(9),), ("head.weight",))),
                ),
                [check],
            )
        )
        == 2
    )


def test_the_cut_of_a_loss_is_told_once() -> None:
    run = run_of(
        [[BATCH, FORWARD, LEAF, STEP]] * 4, cuts=[DETACH], models=[NET], optimizers=[SGD], parameters=[BODY]
    )
    (found,) = findings(run, [check])
    assert "with no graph behind it: `detach()` had cut the graph" in found.message


def test_a_loss_that_nothing_lies_behind() -> None:
    turns = [[BATCH, FORWARD, LEAF, STEP]] * 4
    (found,) = findings(run_of(turns), [check])
    assert found.message == (
        "`backward()` was called 4 times on a tensor with no graph behind it: "
        "it is a new tensor, not the result of a computation, so no parameter got a gradient."
    )
    assert found.place.line == 14
    (found,) = findings(run_of(turns, cuts=[CutFact("item", (place(13),), ())]), [check])
    assert (found.place.line, found.related[0].place.line) == (13, 14)
    assert "`item()` had cut the graph" in found.message


CRASHES: dict[str, tuple[list[Event], dict[str, object], str, int]] = {
    "the cut is known": ([FORWARD, NO_GRAPH], {"cuts": [DETACH]}, "`detach()` had cut it off", 8),
    "no_grad": ([NO_GRAD, LOSS, NO_GRAPH], {}, "`Net` ran under `torch.no_grad()`", 12),
    "all frozen": (
        [NO_GRAPH],
        {"models": [replace(NET, trainable=0)]},
        "every parameter of the model is frozen",
        14,
    ),
    "cut behind the model": (
        [FORWARD, LOSS, NO_GRAPH],
        {},
        "the output of `Net` had one, but it was lost on the way to the loss",
        13,
    ),
    "only the loss is known": ([LOSS, NO_GRAPH], {}, "nothing it was computed from requires a gradient", 13),
    "nothing is known": ([NO_GRAPH], {}, "nothing it was computed from requires a gradient", 14),
}


@pytest.mark.parametrize(("turn", "facts", "reason", "line"), CRASHES.values(), ids=CRASHES.keys())
def test_explains_the_crash(turn: list[Event], facts: dict[str, object], reason: str, line: int) -> None:
    (found,) = findings(run_of([[BATCH, *turn]], crash=CRASH, ended=True, **facts), [check])
    assert found.message == f"`backward()` was called on a tensor without a graph: {reason}."
    assert found.place.line == line
