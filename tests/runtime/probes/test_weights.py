"""Weights that were kept and are loaded again: are they still the ones that were kept?"""

import copy
import weakref
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from osler.model import AliasFact
from osler.runtime.probes import weights
from osler.session import Session

LineOf = Callable[[str], int]

torch.set_num_threads(1)


def train(*models: nn.Module) -> None:
    """One step."""
    optimizer = torch.optim.SGD([p for m in models for p in m.parameters() if p.is_leaf], lr=0.1)
    for model in models:
        model(torch.randn(6, 4)).square().mean().backward()
    optimizer.step()


def aliases(session: Session) -> list[AliasFact]:
    return list(session.run.aliases.values())


def test_live_weights_are_told_with_both_lines(session: Session, net: nn.Module, line_of: LineOf) -> None:
    with session:
        train(net)
        best = net.state_dict()
        train(net)
        train(net)
        net.load_state_dict(best)
    (fact,) = aliases(session)
    assert (fact.taken[0].line, fact.site[0].line) == (
        line_of("best = net"),
        line_of("load_state_dict(best)"),
    )
    assert (fact.taken_step, fact.step) == (1, 3)


def test_loaded_with_strict_or_by_name_they_are_the_same(session: Session, net: nn.Module) -> None:
    with session:
        best = net.state_dict()
        train(net)
        net.load_state_dict(state_dict=best, strict=False)
    assert len(aliases(session)) == 1


def test_a_part_of_a_model_is_a_model(session: Session, net: nn.Sequential) -> None:
    with session:
        best = net[3].state_dict()
        train(net)
        net[3].load_state_dict(best)
    assert len(aliases(session)) == 1


def test_a_line_that_loads_every_epoch_is_one_fact(session: Session, net: nn.Module) -> None:
    with session:
        for _ in range(3):
            kept = net.state_dict()
            train(net)
            net.load_state_dict(kept)
    assert [fact.step for fact in aliases(session)] == [3]


SAME: dict[str, Callable[[nn.Module], Any]] = {
    "a dict of one's own": lambda net: {name: value for name, value in net.state_dict().items()},  # noqa: C416
    "a plain dict": lambda net: dict(net.state_dict()),
    "a shallow copy": lambda net: copy.copy(net.state_dict()),
    "from one processor to the same": lambda net: {n: v.cpu() for n, v in net.state_dict().items()},
    "the parameters themselves": lambda net: dict(net.state_dict(keep_vars=True)),
}


@pytest.mark.parametrize("keep", SAME.values(), ids=SAME)
def test_the_same_tensors_in_another_dict(
    session: Session, net: nn.Module, line_of: LineOf, keep: Callable[[nn.Module], Any]
) -> None:
    with session:
        train(net)
        best = keep(net)
        train(net)
        net.state_dict()
        net.load_state_dict(best)
    (fact,) = aliases(session)
    assert (fact.taken_step, fact.step) == (1, 2)
    assert "state_dict" in Path(fact.taken[0].file).read_text().splitlines()[fact.taken[0].line - 1]


DETACHED: dict[str, Callable[[nn.Module], Any]] = {
    "detached": lambda net: {n: v.detach() for n, v in net.state_dict().items()},
    "data": lambda net: {n: v.data for n, v in net.state_dict().items()},
    "detached on the same processor": lambda net: {n: v.detach().cpu() for n, v in net.state_dict().items()},
    "all of it, seen anew": lambda net: {n: v[...] for n, v in net.state_dict().items()},
}


@pytest.mark.parametrize("keep", DETACHED.values(), ids=DETACHED)
def test_other_tensors_in_the_same_memory(
    session: Session, net: nn.Module, keep: Callable[[nn.Module], Any]
) -> None:
    with session:
        train(net)
        best = keep(net)
        train(net)
        net.load_state_dict(best)
    (fact,) = aliases(session)
    assert (fact.taken_step, fact.step) == (1, 2)


def test_weights_that_may_have_been_taken_just_now(session: Session, net: nn.Module) -> None:
    with session:
        kept = {name: value.detach() for name, value in net.state_dict().items()}
        train(net)
        net.state_dict()
        net.load_state_dict(kept)
    assert aliases(session) == []


def test_weights_of_another_that_nobody_gave(session: Session, net: nn.Module) -> None:
    other = copy.deepcopy(net)
    with session:
        other.state_dict()
        train(net)
        net.load_state_dict({name: p.data for name, p in net.named_parameters()}, strict=False)
    assert aliases(session) == []


def test_some_of_the_tensors_and_copies_of_others(session: Session, net: nn.Module) -> None:
    with session:
        kept = {name: value.clone() if "bias" in name else value for name, value in net.state_dict().items()}
        train(net)
        net.load_state_dict(kept)
    assert aliases(session) == []


def cloned(net: nn.Module) -> Any:
    return {name: value.clone() for name, value in net.state_dict().items()}


def replaced_in_place(net: nn.Module) -> Any:
    kept = net.state_dict()
    for name in kept:
        kept[name] = kept[name].clone()
    return kept


def saved(net: nn.Module) -> Any:
    file = BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    return torch.load(file)


def bare(net: nn.Module) -> Any:
    """The values outlive the dict, whose place in memory the next one takes."""
    kept = [value.clone() for value in net.state_dict().values()]
    return dict(zip(net.state_dict(), kept, strict=True))


@pytest.mark.parametrize(
    "keep", [cloned, replaced_in_place, saved, bare, lambda n: copy.deepcopy(n.state_dict())]
)
def test_a_copy_is_a_copy(session: Session, net: nn.Module, keep: Callable[[nn.Module], Any]) -> None:
    with session:
        kept = keep(net)
        train(net)
        net.load_state_dict(kept)
    assert aliases(session) == []


def test_nothing_is_lost_if_no_step_was_taken(session: Session, net: nn.Module) -> None:
    with session:
        train(net)
        kept = net.state_dict()
        net.load_state_dict(kept)
    assert aliases(session) == []


def test_another_model_gets_a_copy(session: Session, net: nn.Module) -> None:
    """A target network, an EMA teacher: its own memory is another."""
    target = copy.deepcopy(net)
    with session:
        kept = net.state_dict()
        train(net, target)
        target.load_state_dict(kept)
    assert aliases(session) == []


def test_a_model_that_was_moved_has_left_its_old_weights_behind(session: Session, net: nn.Module) -> None:
    with session:
        kept = net.state_dict()
        net.double().float()
        train(net)
        net.load_state_dict(kept)
    assert aliases(session) == []


def test_only_some_of_the_weights_are_kept(session: Session, net: nn.Module) -> None:
    with session:
        kept = net.state_dict()
        kept["0.weight"] = kept["0.weight"].clone()
        train(net)
        net.load_state_dict(kept)
    assert aliases(session) == []


def test_a_module_without_parameters_holds_nothing(session: Session, net: nn.Module) -> None:
    norm = nn.BatchNorm1d(4, affine=False)
    with session:
        kept = norm.state_dict()
        train(net)
        norm.load_state_dict(kept)
    assert aliases(session) == []


class Wrapped(torch.Tensor):
    """A tensor without memory of its own, as distributed and quantized ones are."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Wrapped":
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Iterable[Any] = (), kwargs: Any = None) -> Any:
        result = func(*(a.inner if isinstance(a, Wrapped) else a for a in args), **(kwargs or {}))
        return Wrapped(result) if isinstance(result, torch.Tensor) else result


def on_meta() -> nn.Module:
    return nn.Linear(4, 2, device="meta")


def wrapped() -> nn.Module:
    layer = nn.Linear(4, 2, bias=False)
    layer.weight = nn.Parameter(Wrapped(torch.zeros(2, 4)), requires_grad=False)
    return layer


@pytest.mark.parametrize("make", [on_meta, wrapped])
def test_tensors_without_memory_do_not_share_it(
    session: Session, net: nn.Module, make: Callable[[], nn.Module]
) -> None:
    """All of them say that they begin at address 0."""
    model = make()
    with session:
        kept = model.state_dict()
        for name in kept:
            kept[name] = torch.zeros_like(kept[name])
        train(net)
        model.load_state_dict(kept)
    assert aliases(session) == []


def as_plain_dict(module: nn.Module, state: Any, prefix: str, metadata: Any) -> dict[str, Any]:
    """A hook as sharded and quantized models have it."""
    return dict(state)


def test_weights_that_a_hook_returns_as_a_plain_dict_are_let_go(session: Session, net: nn.Module) -> None:
    """No weak reference to a dict is possible: better unseen than a watcher that stops or holds memory."""
    net._register_state_dict_hook(as_plain_dict)
    with session:
        kept = net.state_dict()
        train(net)
        net.load_state_dict(kept)
    assert type(kept) is dict
    assert aliases(session) == []


def test_kept_weights_are_not_held(session: Session, net: nn.Module) -> None:
    with session:
        kept = weakref.ref(net.state_dict())
        assert kept() is None


def test_of_very_many_kept_weights_the_newest_are_known(
    session: Session, net: nn.Module, line_of: LineOf
) -> None:
    with session:
        first = net.state_dict()
        kept = [net.state_dict() for _ in range(weights.MOST // 2)]
        train(net)
        net.load_state_dict(first)
        net.load_state_dict(kept[-1])
    lines = [fact.taken[0].line for fact in aliases(session)]
    assert lines == [line_of("kept = [net.state_dict() for")] * 2, (
        "of the oldest only that they are no younger"
    )


def test_the_script_gets_what_it_always_got(session: Session, net: nn.Module) -> None:
    expected = net.state_dict(prefix="m.", keep_vars=True)
    with session:
        given: dict[str, Any] = {}
        assert net.state_dict(destination=given) is given
        assert list(net.state_dict(prefix="m.", keep_vars=True)) == list(expected)
        assert net.load_state_dict({}, strict=False).missing_keys
        with pytest.raises(RuntimeError, match="Missing key"):
            net.load_state_dict({})


def test_afterwards_torch_is_what_it_was(session: Session) -> None:
    before = nn.Module.state_dict, nn.Module.load_state_dict
    with session:
        assert nn.Module.state_dict is not before[0]
    assert (nn.Module.state_dict, nn.Module.load_state_dict) == before
