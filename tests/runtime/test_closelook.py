"""Which operation cut the graph on the way to the loss, and what made the values a loss was given."""

import sys
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode

from osler.model import CutFact, Place, Site
from osler.runtime.closelook import CloseLook
from osler.runtime.userlines import UserLines

torch.set_num_threads(1)

ROOT: Site = (Place("/me/train.py", 99, "main"),)


class Scene:
    """Two small networks with named parameters, and a close look at what is done with them."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(4, 3), nn.Linear(3, 3)
        self.x, self.y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
        self.names = {
            id(p): f"{part}.{name}"
            for part, module in (("body", self.body), ("head", self.head))
            for name, p in module.named_parameters()
        }
        self.resting = False
        self.look = CloseLook(UserLines(), lambda t: self.names.get(id(t), ""), lambda: self.resting)

    def cuts(self, compute: Callable[["Scene"], Tensor]) -> list[CutFact]:
        """The cuts behind what is computed."""
        with self.look:
            root = compute(self)
            return self.look.cuts_behind(root, ROOT)


@pytest.fixture
def scene() -> Iterator[Scene]:
    yield Scene()
    assert _get_current_function_mode() is None


def without_recording(scene: Scene) -> Tensor:
    with torch.no_grad():
        hidden = scene.body(scene.x)
    return scene.head(hidden).sum()


def view_without_recording(scene: Scene) -> Tensor:
    hidden = scene.body(scene.x)
    with torch.no_grad():
        kept = hidden[:, :3].sigmoid()
    return scene.head(kept).sum()


def numpy_round_trip(scene: Scene) -> Tensor:
    values = scene.body(scene.x).detach().numpy()
    return scene.head(torch.from_numpy(np.tanh(values))).sum()


def in_a_nested_function(scene: Scene) -> Tensor:
    def encode(x: Tensor) -> Tensor:
        def inner(h: Tensor) -> Tensor:
            return h.detach()

        return inner(scene.body(x))

    return scene.head(encode(scene.x)).sum()


CUTS: dict[str, tuple[str, Callable[[Scene], Tensor]]] = {
    "detach": ("detach", lambda s: s.head(s.body(s.x).detach()).sum()),
    "data": ("data", lambda s: s.head(s.body(s.x).data).sum()),
    "argmax": ("argmax", lambda s: F.one_hot(s.body(s.x).argmax(1), 3).float().sum()),
    "item": ("item", lambda s: torch.tensor(s.body(s.x).square().mean().item(), requires_grad=True) * 1),
    "item times something": ("item", lambda s: s.head.weight.sum() * s.body(s.x).square().mean().item()),
    "items in a list": (
        "item",
        lambda s: torch.tensor([r.sum().item() for r in s.body(s.x)], requires_grad=True).sum(),
    ),
    "tolist": ("tolist", lambda s: torch.tensor(s.body(s.x).tolist(), requires_grad=True).sum()),
    "a class id": ("argmax", lambda s: s.head.weight[0, torch.tensor(s.body(s.x)[0].argmax().item())] * 1),
    "numpy": ("detach", numpy_round_trip),
    "no_grad": ("no_grad", without_recording),
    "a view under no_grad": ("no_grad", view_without_recording),
    "comparison": ("gt", lambda s: s.head(s.x[:, :3]).sum() * (s.body(s.x) > 0).float().sum()),
    "nested functions": ("detach", in_a_nested_function),
}


@pytest.mark.parametrize(("operation", "compute"), CUTS.values(), ids=CUTS)
def test_a_cut_is_named_with_the_parameters_before_it(
    scene: Scene, operation: str, compute: Callable[[Scene], Tensor]
) -> None:
    cuts = scene.cuts(compute)
    assert cuts, "nothing was found"
    assert (cuts[0].operation, cuts[0].root) == (operation, ROOT)
    assert cuts[0].parameters == (("body.bias", "body.weight"))


HEALTHY: dict[str, Callable[[Scene], Tensor]] = {
    "nothing special": lambda s: s.head(s.body(s.x)).sum(),
    "cross entropy": lambda s: F.cross_entropy(s.head(s.body(s.x)), s.y),
    "views": lambda s: s.body(s.x).view(-1).reshape(5, 3).T.contiguous().sum(),
    "straight through": lambda s: s.head(s.body(s.x).clamp(0, 1)).sum(),
    "a mask from data": lambda s: (s.body(s.x) * (s.x[:, :3] > 0)).sum(),
    "questions": lambda s: s.body(s.x).sum() * len(s.x) * s.x.size(0) * s.x.shape[1],
    "an accuracy beside the loss": lambda s: (
        lambda z: (F.cross_entropy(z, s.y), (z.argmax(1) == s.y).float().mean())[0]
    )(s.body(s.x)),
    "a logged value beside the loss": lambda s: (lambda z: (z.sum(), z.mean().detach())[0])(s.body(s.x)),
    "a running number": lambda s: (lambda z: (z.sum(), z.mean().item())[0])(s.body(s.x)),
    "a decision": lambda s: (lambda z: z.sum() if z.mean() > 100 else z.mean())(s.body(s.x)),
    "a number that is equal to an axis": lambda s: (
        lambda z: ((z.argmax(1) * 0 + 1).max().item(), z.softmax(dim=1).sum())[1]
    )(s.body(s.x)),
    "a truth that is equal to an axis": lambda s: (
        lambda z: (bool((z.detach() < 1e9).all()), z.softmax(dim=1).sum())[1]
    )(s.body(s.x)),
    "an evaluation without recording": lambda s: (
        torch.no_grad()(lambda: s.head(s.x[:, :3]))(),
        s.body(s.x).sum(),
    )[1],
}


@pytest.mark.parametrize("compute", HEALTHY.values(), ids=HEALTHY)
def test_a_path_without_a_cut_has_none(scene: Scene, compute: Callable[[Scene], Tensor]) -> None:
    assert scene.cuts(compute) == []


def test_the_line_of_the_cut_is_known(scene: Scene) -> None:
    with scene.look:
        hidden = scene.body(scene.x)
        line = sys._getframe().f_lineno + 1
        hidden = hidden.detach()
        loss = scene.head(hidden).sum()
    (cut,) = scene.look.cuts_behind(loss, ROOT)
    assert (cut.site[0].file, cut.site[0].line) == (__file__, line)


def test_a_stop_gradient_target_names_only_what_lies_before_the_target(scene: Scene) -> None:
    target = lambda s: s.head(s.x[:, :3]).detach()  # noqa: E731
    (cut,) = scene.cuts(lambda s: F.mse_loss(s.body(s.x), target(s)))
    assert cut.parameters == ("head.bias", "head.weight")


def test_a_cut_that_does_not_flow_into_the_root_is_not_behind_it(scene: Scene) -> None:
    with scene.look:
        hidden = scene.body(scene.x)
        beside = hidden.detach().sum()
        loss = hidden.sum()
    assert scene.look.cuts_behind(loss, ROOT) == []
    assert [c.operation for c in scene.look.cuts_behind(beside, ROOT)] == ["detach"]


def test_several_cuts_are_told_in_order(scene: Scene) -> None:
    cuts = scene.cuts(lambda s: s.head.weight.detach().sum() * s.body(s.x).data.sum())
    assert [c.operation for c in cuts] == ["detach", "data"]


def test_a_tensor_that_was_never_seen_has_no_cut_behind_it(scene: Scene) -> None:
    assert scene.look.cuts_behind(torch.ones(1), ROOT) == []


# --- what made the values


ORIGINS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "softmax": ("softmax", lambda z: z.softmax(1)),
    "torch.softmax": ("softmax", lambda z: torch.softmax(z, 1)),
    "F.softmax": ("softmax", lambda z: F.softmax(z, dim=1)),
    "sigmoid": ("sigmoid", lambda z: torch.sigmoid(z)),
    "softmax, reshaped": ("softmax", lambda z: z.softmax(1).view(3, 5).T.contiguous()),
    "softmax, other dtype": ("softmax", lambda z: z.softmax(1).double().to(torch.float32)),
    "softmax, sliced": ("softmax", lambda z: z.softmax(1)[1:3]),
    "softmax, transposed and copied": ("softmax", lambda z: z.softmax(1).transpose(0, 1).clone()),
    "log of a softmax": ("log", lambda z: z.softmax(1).log()),
    "log softmax": ("log_softmax", lambda z: F.log_softmax(z, 1)),
    "a layer": ("linear", lambda z: z),
    "a layer, reshaped": ("linear", lambda z: z.flatten().reshape(5, 3)),
}


@pytest.mark.parametrize(("operation", "make"), ORIGINS.values(), ids=ORIGINS)
def test_what_made_the_values_is_found_behind_changes_of_shape(
    scene: Scene, operation: str, make: Callable[[Tensor], Tensor]
) -> None:
    with scene.look:
        made = make(scene.body(scene.x))
    assert scene.look.origin(made)[0] == operation


def test_the_line_that_made_the_values_is_known(scene: Scene) -> None:
    with scene.look:
        line = sys._getframe().f_lineno + 1
        made = scene.body(scene.x).softmax(1)
        reshaped = made.view(-1)
    assert scene.look.origin(reshaped)[1][0].line == line


def test_an_input_has_no_origin(scene: Scene) -> None:
    with scene.look:
        assert scene.look.origin(scene.x) == ("", ())


# --- it changes nothing, and goes away


def train(watched: bool, steps: int = 4) -> list[Tensor]:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    look = CloseLook(UserLines(), lambda t: "p", lambda: False)
    losses = []
    if watched:
        look.__enter__()
    for _ in range(steps):
        x, y = torch.randn(6, 4), torch.randint(3, (6,))
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.detach())
    if watched:
        look.__exit__(None, None, None)
    return [*losses, *(p.detach() for p in model.parameters()), *model.buffers(), torch.get_rng_state()]


def test_training_is_bit_identical_under_a_close_look() -> None:
    for plain, watched in zip(train(False), train(True), strict=True):
        assert torch.equal(plain, watched)


def test_an_exception_passes_and_the_mode_is_taken_off(scene: Scene) -> None:
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        scene.cuts(lambda s: s.head(s.x))
    assert _get_current_function_mode() is None


def test_what_osler_does_itself_is_passed_over(scene: Scene) -> None:
    with scene.look:
        hidden = scene.body(scene.x)
        scene.resting = True
        stopped = hidden.detach()
        scene.resting = False
        loss = scene.head(stopped).sum()
    assert scene.look.cuts_behind(loss, ROOT) == []


def test_an_array_that_is_gone_is_not_taken_for_another_value_at_its_address(scene: Scene) -> None:
    with scene.look:
        cut = scene.body(scene.x).detach().sum(0).numpy()  # leaves torch, and is gone below
        other = torch.ones(5)
        scene.look._arrays = {id(other): entry for entry in scene.look._arrays.values()}
        del cut
        (scene.head(scene.body(scene.x)) * other[:1]).sum()
        assert scene.look._cuts_of_values("mul", [other]) == frozenset()


def test_a_whole_number_is_no_trace(scene: Scene) -> None:
    with scene.look:
        stopped = (scene.body(scene.x).detach() * 0).sum().item()
        loss = scene.head(scene.body(scene.x)).sum() + stopped * 1.0
    assert stopped == 0.0
    assert scene.look.cuts_behind(loss, ROOT) == []


def test_nothing_is_noted_when_the_look_is_over(scene: Scene) -> None:
    with scene.look:
        scene.look.over = True
        loss = scene.head(scene.body(scene.x).detach()).sum()
    assert scene.look.cuts_behind(loss, ROOT) == []


def test_tensors_are_not_kept_alive(scene: Scene) -> None:
    with scene.look:
        hidden = scene.body(scene.x)
        reference = weakref.ref(hidden)
        del hidden
        assert reference() is None
