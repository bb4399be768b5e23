"""Loss calls: which function, from which line, with what in its first argument."""

import pickle
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import cross_entropy as early
from torch.overrides import TorchFunctionMode

from osler.model import Kind

bound = partial(early, label_smoothing=0.1)
kept = {"loss": F.mse_loss}


def test_references_taken_before_watching(session, events, line_of):
    logits = torch.randn(4, 3, requires_grad=True)
    y = torch.tensor([0, 1, 2, 0])
    with session:
        early(logits, y).backward()
        bound(input=logits, target=y).backward()
        kept["loss"](logits, torch.zeros(4, 3))
    seen = [(e.subject, e.place.line) for e in events(Kind.LOSS)]
    assert seen == [
        ("cross_entropy", line_of("early(logits, y).backward()")),
        ("cross_entropy", line_of("bound(input=logits, target=y).backward()")),
        ("mse_loss", line_of('kept["loss"](logits')),
    ]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (nn.CrossEntropyLoss(), "cross_entropy"),
        (nn.NLLLoss(), "nll_loss"),
        (nn.MSELoss(), "mse_loss"),
        (nn.L1Loss(), "l1_loss"),
        (nn.SmoothL1Loss(), "smooth_l1_loss"),
        (nn.HuberLoss(), "huber_loss"),
        (nn.BCEWithLogitsLoss(), "binary_cross_entropy_with_logits"),
        (nn.KLDivLoss(reduction="batchmean"), "kl_div"),
        (nn.PoissonNLLLoss(), "poisson_nll_loss"),
    ],
)
def test_modules_and_functions_are_the_same(session, events, module, name):
    x = torch.randn(4, 3, requires_grad=True)
    y = torch.zeros(4, dtype=torch.long) if name in ("cross_entropy", "nll_loss") else torch.rand(4, 3)
    with session:
        module(x, y)
    (event,) = events(Kind.LOSS)
    assert (event.subject, event.traits) == (name, {"grad"})


def test_an_evaluation_carries_no_graph(session, turns):
    with session, torch.no_grad():
        F.cross_entropy(torch.randn(2, 3, requires_grad=True), torch.tensor([0, 1]))
    assert turns() == ["1: loss cross_entropy no-grad"]


@pytest.mark.parametrize(
    ("make", "function", "probabilities", "logs"),
    [
        (lambda x: x, "cross_entropy", 0, 0),
        (lambda x: x.softmax(1), "cross_entropy", 40, 0),
        (lambda x: x.log_softmax(1), "cross_entropy", 0, 40),
        (lambda x: x.log_softmax(1), "nll_loss", 0, 40),
        (lambda x: x.softmax(1), "nll_loss", 40, 0),
    ],
)
def test_what_the_rows_are(session, make, function, probabilities, logs):
    x = torch.randn(40, 5, requires_grad=True)
    with session:
        getattr(F, function)(make(x), torch.zeros(40, dtype=torch.long))
    (fact,) = session.run.losses.values()
    assert (fact.rows, fact.classes) == (40, 5)
    assert (fact.probability_rows, fact.log_probability_rows) == (probabilities, logs)


def test_pixels_are_rows(session):
    x = torch.randn(2, 5, 3, 3, requires_grad=True)
    with session:
        F.cross_entropy(x, torch.zeros(2, 3, 3, dtype=torch.long))
    (fact,) = session.run.losses.values()
    assert fact.rows == 18


def test_a_loss_by_hand_is_seen_by_its_backward(session, turns):
    weight = torch.randn(3, requires_grad=True)
    with session:
        for _ in range(3):
            loss = ((torch.randn(5, 3) @ weight) ** 2).mean()
            loss.backward()
    assert all("loss " not in turn for turn in turns())
    assert len(session.run.columns["loss"]) == 3


@pytest.mark.parametrize("kind", ["device", "mode", "subclass"])
def test_an_overridden_call_counts_once(session, turns, kind):
    class Marked(torch.Tensor):
        pass

    class Nothing(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    x = x.as_subclass(Marked) if kind == "subclass" else x
    modes = {"device": torch.device("cpu"), "mode": Nothing(), "subclass": torch.enable_grad()}
    with session, modes[kind]:
        F.cross_entropy(x, y).backward()
        torch.autograd.grad(F.cross_entropy(x, y), x)
    assert turns() == [
        "1: loss cross_entropy grad, backward, loss cross_entropy grad, backward gradient-only"
    ]


def test_accuracy_is_derived_where_there_are_classes(session):
    x = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]], requires_grad=True)
    with session:
        F.cross_entropy(x, torch.tensor([0, 0, 1, 0]))
        F.cross_entropy(x, torch.tensor([0, -100, 1, 0]))  # another line
        F.mse_loss(x, torch.zeros(4, 2))
    taken = [c.last for name, c in session.run.columns.items() if name.startswith("accuracy")]
    assert taken == [0.75, pytest.approx(2 / 3)]


def test_classes_are_counted(session):
    x = torch.randn(5, 3, requires_grad=True)
    with session:
        F.cross_entropy(x, torch.tensor([0, 2, 2, -100, 0]))
    columns = session.run.columns
    assert {n: c.last for n, c in columns.items() if n.startswith("label_count")} == {
        "label_count:0": 2,
        "label_count:2": 2,
    }


def test_functions_stay_what_they_are(session):
    with session:
        assert pickle.loads(pickle.dumps(F.cross_entropy)) is early
        with pytest.raises(TypeError, match=r"cross_entropy\(\) missing 1 required positional"):
            F.cross_entropy(torch.randn(2, 3))
        with pytest.raises(ValueError, match="Expected input batch_size"):
            F.cross_entropy(torch.randn(2, 3), torch.zeros(5, dtype=torch.long))


def test_what_a_distribution_computes_is_no_loss_of_the_script(session, events):
    dist = torch.distributions.Bernoulli(logits=torch.zeros(4, requires_grad=True))
    with session:
        (dist.log_prob(torch.ones(4)).mean() + dist.entropy().mean()).backward()
    assert events(Kind.LOSS) == []
    assert not session.run.loss_calls
