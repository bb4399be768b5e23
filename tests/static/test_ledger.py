"""In which state gradients and modes are whenever something happens."""

import pytest

from osler.model import Action, Kind, Network, Optimizer, Parameters, Tensor
from osler.static.ledger import called, clips, concerns, reaches, stepping
from osler.testing import place

SETUP = """
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(d)
"""

CLEAR, STEP = "optimizer.zero_grad()", "optimizer.step()"
BACKWARD = "F.mse_loss(model(x), x).backward()"


def body(*lines: str, head: str = "for x in loader:") -> str:
    return SETUP + head + "".join(f"\n    {line}" for line in lines)


def kinds(visits) -> set[str]:
    return {s.kind for states in visits for s in states}


@pytest.mark.parametrize(
    ("lines", "states"),
    [
        ([CLEAR, BACKWARD, STEP], {"fresh"}),
        ([BACKWARD, STEP, CLEAR], {"fresh"}),
        (["model.zero_grad()", BACKWARD, STEP], {"fresh"}),
        ([BACKWARD, BACKWARD, STEP, CLEAR], {"fresh"}),
        ([BACKWARD, STEP], {"carried"}),
        ([BACKWARD, CLEAR, STEP], {"empty"}),
        ([CLEAR, STEP, BACKWARD], {"empty"}),
        ([STEP], {"stale"}),
        ([STEP, CLEAR], {"empty"}),
        ([f"if what: {CLEAR}", BACKWARD, STEP], {"fresh", "carried"}),
        ([CLEAR, f"if what: {BACKWARD}", STEP], {"fresh", "empty"}),
        ([BACKWARD, "what.zero_grad()", STEP], {"unknown"}),
        ([BACKWARD, "fit(optimizer)", STEP], {"unknown"}),
        (["what.zero_grad()", BACKWARD, STEP], {"fresh"}),
        ([f"if flag: {CLEAR}", BACKWARD, f"if flag: {STEP}"], {"fresh"}),
        ([BACKWARD, f"if what:\n        {STEP}\n        {CLEAR}"], {"fresh"}),
        (["for p in model.parameters(): p.grad = None", BACKWARD, STEP], {"fresh"}),
    ],
)
def test_the_gradients_when_the_optimizer_steps(code, lines, states) -> None:
    (fact,) = code(body(*lines)).stepped
    assert kinds(fact.visits) == states


def test_what_lies_before_a_loop_is_forgotten_when_it_comes_round(code) -> None:
    (fact,) = code(SETUP + f"{CLEAR}\nfor x in loader:\n    {BACKWARD}\n    {STEP}").stepped
    assert kinds(fact.visits) == {"carried"}


def test_a_step_knows_what_clears_and_what_computes_its_gradients(code) -> None:
    (fact,) = code(body(CLEAR, BACKWARD, STEP)).stepped
    assert [a.place.line for a in fact.clears] == [fact.step.place.line - 2]
    assert [a.place.line for a in fact.backwards] == [fact.step.place.line - 1]
    assert fact.loops[0].over.name == "loader"
    state = fact.always("fresh")
    assert state.backward is fact.backwards[0]


def test_a_state_knows_who_threw_the_gradients_away(code) -> None:
    (fact,) = code(body(BACKWARD, CLEAR, STEP)).stepped
    assert fact.always("empty").clear is fact.clears[0]


def test_each_optimizer_has_its_own_gradients(code) -> None:
    other = "other = nn.Linear(1, 1); opt = torch.optim.SGD(other.parameters())"
    facts = code(body(CLEAR, BACKWARD, STEP, "opt.step()").replace("loader =", f"{other}\nloader =")).stepped
    assert {f.optimizer.name: kinds(f.visits) for f in facts} == {"optimizer": {"fresh"}, "opt": {"stale"}}


def test_a_step_in_a_function_is_followed_through_its_calls(code) -> None:
    text = SETUP + f"def update(x):\n    {BACKWARD}\n    {STEP}\nfor x in loader:\n    {CLEAR}\n    update(x)"
    (fact,) = code(text).stepped
    assert kinds(fact.visits) == {"fresh"}


CLIP = "nn.utils.clip_grad_norm_(model.parameters(), 1)"


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([CLEAR, BACKWARD, CLIP, STEP], "fresh"),
        ([CLEAR, CLIP, BACKWARD, STEP], "empty"),
        ([CLEAR, BACKWARD, STEP, CLIP], "stale"),
    ],
)
def test_the_gradients_when_they_are_clipped(code, lines, state) -> None:
    (fact,) = code(body(*lines)).clipped
    assert fact.always(state)


NET, HEAD = Network("net"), Network("head")
OPT = Optimizer("opt", held=(NET,))


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        (OPT, "yes"),
        (Optimizer("other"), "no"),
        (Optimizer("both", variants=(OPT,)), "maybe"),
        (Optimizer("neither", variants=(Optimizer("other"),)), "no"),
        (NET, "yes"),
        (HEAD, "no"),
        (None, "maybe"),
        (Tensor(), "maybe"),
    ],
)
def test_whom_an_action_concerns(subject, answer) -> None:
    assert concerns(OPT, subject) == answer


def test_two_that_may_be_the_same_optimizer() -> None:
    one, other = (Optimizer("either", variants=(OPT, Optimizer(name))) for name in "ab")
    assert concerns(one, other) == "maybe"


def test_an_optimizer_built_when_it_is_first_asked_for(code) -> None:
    read = code(
        """
        class Trainer:
            def __init__(self):
                self.net, self.built = nn.Linear(1, 1), None
            @property
            def opt(self):
                if self.built is None:
                    self.built = torch.optim.SGD(self.net.parameters())
                return self.built
            def fit(self):
                for x in DataLoader(d):
                    self.opt.zero_grad()
                    self.net(x).sum().backward()
                    self.opt.step()
        Trainer().fit()
        """
    )
    assert not any(f.always("carried") for f in read.stepped)


def test_if_it_is_not_known_what_the_optimizer_holds_anything_may_concern_it() -> None:
    assert concerns(Optimizer("opt"), NET) == "maybe"


@pytest.mark.parametrize(
    ("root", "answer"),
    [
        (Tensor(frozenset({NET})), "yes"),
        (Tensor(frozenset({HEAD})), "no"),
        (Tensor(frozenset({HEAD}), models=frozenset({NET})), "maybe"),
        (Tensor(), "yes"),
        (None, "yes"),
    ],
)
def test_which_gradients_a_backward_computes(root, answer) -> None:
    assert reaches(OPT, Action(Kind.BACKWARD, place(1), value=root)) == answer


@pytest.mark.parametrize(("word", "answer"), [("gradient-only", "no"), ("managed", "maybe")])
def test_special_backwards(word, answer) -> None:
    backward = Action(Kind.BACKWARD, place(1), value=Tensor(frozenset({NET})), words=frozenset({word}))
    assert reaches(OPT, backward) == answer


@pytest.mark.parametrize(
    ("given", "is_all"),
    [
        (Parameters((NET,)), True),
        (Parameters((NET, HEAD)), False),
        (Parameters((NET,), known=False), False),
        (Parameters(()), False),
        (None, False),
    ],
)
def test_whether_all_that_is_clipped_is_the_optimizers(given, is_all) -> None:
    assert clips(OPT, Action(Kind.CLIP, place(1), given)) is is_all


def test_each_optimizer_and_module_once() -> None:
    actions = [Action(kind, place(1), s) for s in (OPT, NET, OPT, None) for kind in (Kind.STEP, Kind.FORWARD)]
    assert stepping(actions) == [OPT]
    assert called(actions) == [NET]


def modes(code, text: str) -> list[set[str]]:
    """The modes the model may be in at each call, in the order of the source."""
    return [{s.mode for states in f.visits for s in states} for f in code(SETUP + text).called]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("model(x)", [{"train"}]),
        ("model.eval()\nmodel(x)", [{"eval"}]),
        ("model.eval()\nmodel.train()\nmodel(x)", [{"train"}]),
        ("if what: model.eval()\nmodel(x)", [{"train", "eval"}]),
        ("if flag: model.eval()\nif flag: model(x)", [{"eval"}]),
        ("model.train(what)\nmodel(x)", [{"unknown"}]),
        ("what.eval()\nmodel(x)", [{"unknown"}]),
        ("fit(model)\nmodel(x)", [{"unknown"}]),
        ("for e in range(3):\n    model(x)\n    model.eval()", [{"train", "eval"}]),
        (
            "for e in range(3):\n    model.train()\n    model(x)\n    model.eval()\n    model(x)",
            [{"train"}, {"eval"}],
        ),
        ("def f(model): model(x)", [{"unknown"}]),
        ("other = nn.Linear(1, 1)\nother.eval()\nmodel(x)", [{"train"}]),
        ("whole = nn.Sequential(model)\nwhole.eval()\nmodel(x)", [{"eval"}]),
        ("def f(m):\n    m.eval()\nf(model)\nmodel(x)", [{"eval"}]),
    ],
)
def test_the_mode_when_a_model_is_called(code, text, wanted) -> None:
    assert modes(code, text) == wanted


def test_pretrained_models_start_in_the_mode_they_were_left_in(code) -> None:
    read = code("import transformers\nnet = transformers.AutoModel.from_pretrained('a')\nnet(x)")
    assert {s.mode for f in read.called for states in f.visits for s in states} == {"unknown"}


def test_a_backward_knows_in_which_mode_the_model_was_called(code) -> None:
    text = "model.eval()\nout = model(x)\nmodel.train()\nF.mse_loss(out, x).backward()"
    (fact,) = code(SETUP + text).trained
    assert {s.was for states in fact.visits for s in states} == {"eval"}
    assert {s.was_by.place.line for states in fact.visits for s in states} == {5}


@pytest.mark.parametrize("manager", ["torch.no_grad()", "torch.inference_mode()"])
def test_a_call_without_gradients_is_not_the_one_a_backward_goes_through(code, manager) -> None:
    text = f"out = model(x)\nmodel.eval()\nwith {manager}:\n    model(x)\nF.mse_loss(out, x).backward()"
    (fact,) = code(SETUP + text).trained
    assert {s.was for states in fact.visits for s in states} == {"train"}
