"""Derivatives without a graph that go into a loss, and those that need none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import grad
from torch.overrides import _get_current_function_mode

from osler.model import DERIVATIVE, Place, Site
from osler.runtime.closelook import CloseLook
from osler.runtime.userlines import UserLines

ROOT: Site = (Place("/me/train.py", 99, "main"),)


@dataclass
class Scene:
    """Two networks, points, what the first makes of them, and a loss."""

    net: nn.Module = field(default_factory=lambda: nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))
    other: nn.Module = field(default_factory=lambda: nn.Linear(2, 2))
    x: Tensor = field(default_factory=lambda: torch.rand(6, 2, requires_grad=True))

    @property
    def u(self) -> Tensor:
        return self.net(self.x)

    @property
    def data(self) -> Tensor:
        return F.mse_loss(self.net(self.x.detach()), torch.ones(6, 1))

    @property
    def du(self) -> Tensor:
        return grad(self.u.sum(), self.x)[0]


@pytest.fixture
def scene() -> Iterator[Scene]:
    yield Scene()
    assert _get_current_function_mode() is None


def cuts(scene: Scene, compute: Callable[[Scene], Tensor]) -> set[str]:
    """Names of the parameters behind the derivatives that are constants in the loss."""
    names = {id(p): n for n, p in scene.net.named_parameters()}
    look = CloseLook(UserLines(), lambda t: names.get(id(t), ""), lambda: False)
    with look:
        look.cuts_behind(compute(scene), ROOT)
    found = look.constant_derivatives()
    assert all(c.operation == DERIVATIVE and c.root == ROOT for c in found)
    return {name for c in found for name in c.parameters}


def second(s: Scene) -> Tensor:
    (du,) = grad(s.u.sum(), s.x, create_graph=True)
    d2 = grad(du[:, 0].sum(), s.x, retain_graph=True)[0][:, :1]
    return s.data + (du[:, 1:] - 0.1 * d2).pow(2).mean()


def burgers(s: Scene) -> Tensor:
    u = s.u
    du = grad(u.sum(), s.x, retain_graph=True)[0]
    return (du[:, :1] + u * du[:, 1:]).pow(2).mean()


def in_place(s: Scene) -> Tensor:
    loss = s.data
    loss += s.du.square().mean()
    return loss


def on_several_lines(s: Scene) -> Tensor:
    du = grad(
        outputs=s.u,
        inputs=s.x,
        grad_outputs=torch.ones(6, 1),
    )[0]
    return s.data + ((du.norm(2, dim=1) - 1) ** 2).mean()


@pytest.mark.parametrize(
    "compute",
    [
        lambda s: s.data + 10 * (1 - s.du.norm(dim=1)).pow(2).mean(),
        lambda s: s.data + 0.1 * s.du.norm(),
        lambda s: s.data + (s.du[:, :1] - 3 * s.u).pow(2).mean(),
        lambda s: (s.u - s.du[:, :1]).abs().mean(),
        lambda s: s.data + nn.MSELoss()(-s.du, torch.zeros(6, 2)),
        lambda s: F.mse_loss(s.du[:, :1] + s.u, torch.zeros(6, 1)),
        lambda s: F.l1_loss(s.du[:, :1], s.u) / 2,
        lambda s: sum([s.data, (s.du * s.du).sum(1).mean()]),
        lambda s: s.data + torch.stack([s.du[:, 0], s.du[:, 1]]).square().mean(0).sqrt().mean(),
        second,
        burgers,
        in_place,
        on_several_lines,
    ],
)
def test_a_constant_in_the_loss(scene, compute) -> None:
    assert cuts(scene, compute) >= {"0.bias", "0.weight", "2.weight"}


def moved(s: Scene) -> Tensor:
    x = s.x + 0.1 * s.du
    return s.net(x).mean() + (x - s.x).pow(2).mean()


def moved_by_hand(s: Scene) -> Tensor:
    x = s.x + 0.1 * s.du
    return s.data + (x @ s.other.weight).mean() + x.pow(2).mean()


def under_no_grad(s: Scene) -> Tensor:
    du = s.du
    with torch.no_grad():
        size = du.pow(2).mean()
    return s.data + size


def of_features(s: Scene) -> Tensor:
    h = s.net[0](s.x)
    (g,) = grad(s.net[2](h).sum(), h, retain_graph=True)
    return s.data + g.pow(2).mean()


def of_weights(s: Scene) -> Tensor:
    (g,) = grad(s.data, s.net[0].weight)
    return s.data + (s.net[0].weight - 0.1 * g).pow(2).mean()


OPTIONS: dict[str, bool] = {"create_graph": False}


@pytest.mark.parametrize(
    "compute",
    [
        lambda s: s.data,
        lambda s: s.data + grad(s.u.sum(), s.x, create_graph=True)[0].pow(2).mean(),
        lambda s: s.data + grad(s.u.sum(), s.x, create_graph=False)[0].pow(2).mean(),
        lambda s: s.data + grad(s.u.sum(), s.x, None, None, False)[0].pow(2).mean(),
        lambda s: s.data + grad(s.u.sum(), s.x, **OPTIONS)[0].pow(2).mean(),
        lambda s: s.data + grad(*(s.u.sum(), s.x))[0].pow(2).mean(),
        lambda s: s.data + s.du.pow(2).mean().detach(),
        lambda s: s.data + s.du.pow(2).mean().item(),
        lambda s: s.data * s.du.norm(),
        lambda s: s.data / s.du.norm(),
        lambda s: s.data + (s.u * s.du).sum(),
        lambda s: s.data + 1 / s.du.norm() * s.u.mean(),
        lambda s: s.data + (s.other(s.x) - s.du).pow(2).mean(),
        lambda s: s.data + F.mse_loss(s.other(s.x), s.du),
        lambda s: s.data + F.mse_loss(s.u.expand(6, 2), s.du),
        lambda s: s.data + (s.u - s.du.abs()).pow(2).mean(),
        lambda s: s.data + s.net(s.x + 0.1 * s.du.sign()).mean(),
        lambda s: s.data + grad((-s.x.pow(2) / 2).sum(), s.x)[0].pow(2).mean(),
        moved,
        moved_by_hand,
        under_no_grad,
        of_features,
        of_weights,
    ],
)
def test_no_graph_is_needed(scene, compute) -> None:
    assert cuts(scene, compute) == set()


def test_a_call_that_cannot_be_read_is_left_alone(scene) -> None:
    space = {"grad": grad, "torch": torch}
    exec("def compute(s):\n    return s.data + grad(s.u.sum(), s.x)[0].pow(2).mean()", space)
    assert cuts(scene, space["compute"]) == set()
