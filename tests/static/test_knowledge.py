"""What the names of torch mean, held against torch itself."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional

from osler.static import knowledge

LEFT_OUT = {"Container", "NLLLoss2d", "Transformer", "TransformerEncoder", "TransformerDecoder"}
"""Deprecated, or made from others."""
MODULES = sorted(
    n
    for n in set(dir(nn)) - LEFT_OUT
    if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)
)

NEEDS_MORE = {
    "Bilinear": (2, 2, 2),
    "CosineSimilarity": (),
    "FractionalMaxPool2d": (2, 0.5),
    "FractionalMaxPool3d": (2, 0.5),
    "AdaptiveLogSoftmaxWithLoss": (4, 4, [2]),
    "GroupNorm": (1, 2),
    "LocalResponseNorm": (2,),
    "MultiheadAttention": (4, 1),
    "TransformerDecoderLayer": (4, 1, 4),
    "TransformerEncoderLayer": (4, 1, 4),
    "Threshold": (1, 1),
    "Unflatten": (1, (1, 1)),
    "Fold": (1, 1),
    "ChannelShuffle": (1,),
}


def built(name: str) -> nn.Module | None:
    """A layer of torch with the fewest arguments it takes; None if none of a few guesses fits."""
    layer = getattr(nn, name)
    for arguments in (NEEDS_MORE.get(name, ()), (), (2,), (2, 2), (2, 2, 2)):
        try:
            return layer(*arguments)
        except (TypeError, ValueError, NotImplementedError):
            continue
    return None


LAYERS = {
    name: layer for name in MODULES if not name.startswith("Lazy") and (layer := built(name)) is not None
}


def test_most_layers_could_be_built_here() -> None:
    assert len(LAYERS) > 0.9 * len(MODULES) - 20


@pytest.mark.parametrize("name", [n for n in LAYERS if knowledge.WITHOUT_PARAMETERS.match(n)])
def test_layers_said_to_learn_nothing_have_no_parameters(name: str) -> None:
    assert list(LAYERS[name].parameters()) == []


@pytest.mark.parametrize("name", [n for n in LAYERS if not knowledge.WITHOUT_PARAMETERS.match(n)])
def test_all_others_have_some(name: str) -> None:
    assert list(LAYERS[name].parameters()) or name in {*knowledge.CONTAINERS, "Module", "DataParallel"}


@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout2d", "AlphaDropout", "BatchNorm1d", "SyncBatchNorm", "RReLU"]
)
def test_layers_that_do_something_else_in_eval_mode(name: str) -> None:
    assert knowledge.SENSITIVE.match(name)


@pytest.mark.parametrize("name", ["Linear", "LayerNorm", "GroupNorm", "InstanceNorm1d", "ReLU", "LSTM"])
def test_layers_that_do_not(name: str) -> None:
    assert not knowledge.SENSITIVE.match(name)


@pytest.mark.parametrize(("layer", "function"), knowledge.LOSSES.items())
def test_losses_exist_under_both_names(layer: str, function: str) -> None:
    assert issubclass(getattr(nn, layer), nn.Module)
    assert callable(getattr(functional, function))


def test_no_loss_of_torch_is_forgotten() -> None:
    losses = {n for n in MODULES if n.endswith("Loss")}
    special = {
        "NLLLoss2d",
        "AdaptiveLogSoftmaxWithLoss",
        "TripletMarginWithDistanceLoss",
        "LinearCrossEntropyLoss",
    }
    assert losses - knowledge.LOSSES.keys() <= special


def test_optimizers_of_torch_are_known() -> None:
    own = {
        n
        for n in dir(torch.optim)
        if isinstance(getattr(torch.optim, n), type)
        and issubclass(getattr(torch.optim, n), torch.optim.Optimizer)
    }
    assert own - {"Optimizer"} <= knowledge.OPTIMIZERS


def test_schedules_of_torch_are_known() -> None:
    module = torch.optim.lr_scheduler
    own = [n for n in module.__all__ if n not in {"SequentialLR", "ChainedScheduler"}]
    assert [n for n in own if not knowledge.SCHEDULES.search(n)] == []


@pytest.mark.parametrize("name", ["ChainedScheduler", "get_cosine_schedule_with_warmup", "WarmupScheduler"])
def test_schedules_of_others(name: str) -> None:
    assert knowledge.SCHEDULES.search(name)


@pytest.mark.parametrize("name", ["LRFinder", "SGD", "Clr"])
def test_what_only_sounds_like_a_schedule(name: str) -> None:
    assert not knowledge.SCHEDULES.search(name)


METHODS = sorted(n for n in knowledge.CUTS if hasattr(torch.Tensor, n) and n != "bincount")
COMPARED = {"eq", "ne", "lt", "le", "gt", "ge"}


@pytest.mark.parametrize("name", METHODS)
def test_nothing_comes_back_through_what_is_said_to_cut_the_graph(name: str) -> None:
    leaf = torch.tensor([1.5], requires_grad=True)
    value = leaf.detach() if name == "numpy" else leaf * 1
    out = getattr(value, name)(
        *{**dict.fromkeys(COMPARED, (0,)), "multinomial": (1,), "histc": (2,)}.get(name, ())
    )
    if isinstance(out, torch.Tensor) and out.requires_grad:  # rounding has a slope, and it is zero
        out.sum().backward()
        assert leaf.grad == 0


@pytest.mark.parametrize("name", ["relu", "exp", "view", "clone", "clamp", "abs", "max", "float", "to"])
def test_what_does_not_cut_it_is_not_said_to(name: str) -> None:
    assert name not in knowledge.CUTS


@pytest.mark.parametrize(
    ("name", "kind"), [(n, k) for n, k in knowledge.ACTIVATIONS.items() if n.islower() and k]
)
def test_activations_are_what_they_are_called(name: str, kind: str) -> None:
    x = torch.tensor([[-1.0, 7.0]])
    name = {"softmax2d": "softmax", "sigmoid_": "sigmoid", "relu_": "relu"}.get(name, name)
    out = getattr(functional, name)(x, 1) if "softmax" in name else getattr(functional, name)(x)
    wanted = {
        "softmax": torch.softmax(x, 1),
        "log_softmax": torch.log_softmax(x, 1),
        "log_sigmoid": torch.sigmoid(x).log(),
        "sigmoid": torch.sigmoid(x),
        "relu": x.clamp(min=0),
        "tanh": torch.tanh(x),
    }[kind]
    if name != "relu6":
        torch.testing.assert_close(out, wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["torch.nn.Module", "lightning.LightningModule", "my.ConvBlock", "x.BertPreTrainedModel"]
)
def test_bases_that_make_a_module(name: str) -> None:
    assert knowledge.MODULE_BASES.search(name)


@pytest.mark.parametrize(
    "name", ["torch.utils.data.Dataset", "abc.ABC", "x.Modules", "x.Models", "typing.NamedTuple"]
)
def test_bases_that_make_none(name: str) -> None:
    assert not knowledge.MODULE_BASES.search(name)


def test_lists_of_names_are_names() -> None:
    lists = [knowledge.SAME_VALUES, knowledge.CUTS, knowledge.FRESH, knowledge.SHAPES, knowledge.HARMLESS]
    assert all(re.fullmatch(r"\w+", name) for names in lists for name in names)
