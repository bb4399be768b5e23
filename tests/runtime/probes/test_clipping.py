"""Gradient clipping, imported in any way, under any of its names."""

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_ as early

from osler.model import Kind


@pytest.mark.parametrize(
    ("clip", "name"),
    [
        (lambda p: early(p, 1.0), "clip_grad_norm_"),
        (lambda p: torch.nn.utils.clip_grad_norm_(p, max_norm=0.1, norm_type=1), "clip_grad_norm_"),
        (lambda p: nn.utils.clip_grad.clip_grad_value_(p, 0.01), "clip_grad_value_"),
    ],
)
def test_between_backward_and_step(session, turns, clip, name):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(4, 3)).sum().backward()
            clip(model.parameters())
            optimizer.step()
    assert turns() == [
        f"3: clear SGD, forward Linear grad, backward, used Linear grad, clip {name}, step SGD fresh"
    ]


def test_the_norm_comes_back_and_the_line_is_known(session, events, line_of):
    p = torch.zeros(4, requires_grad=True)
    p.grad = torch.full((4,), 2.0)
    with session:
        norm = early([p], 1.0)
    assert norm == 4
    assert p.grad.norm() == pytest.approx(1.0, abs=1e-3)
    assert events(Kind.CLIP)[0].place.line == line_of("norm = early")


def test_clipping_is_no_use_of_the_gradients(session, events):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(6):
            model(torch.randn(4, 3)).sum().backward()
            early(model.parameters(), 1.0)
            model(torch.randn(4, 3))
            optimizer.zero_grad()
    assert any("discards" in e.traits for e in events(Kind.CLEAR))
