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
        f"3: clear SGD, forward Linear grad, backward, used Linear grad, clip {name} fresh, step SGD fresh"
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


def clipped(session, order, clear=True, limit=1.0):
    """Traits of the clippings in a loop whose lines are called in this order."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(4):
            loss = model(torch.randn(4, 3)).sum()
            for letter in order:
                match letter:
                    case "z":
                        optimizer.zero_grad(set_to_none=clear)
                    case "b":
                        loss.backward()
                    case "c":
                        early(iter(list(model.parameters())), limit)
                    case "s":
                        optimizer.step()


@pytest.mark.parametrize(
    ("order", "clear", "traits"),
    [
        ("zbcs", True, [{"fresh"}]),
        ("zbcs", False, [{"fresh"}]),
        ("zbsc", True, [{"stale"}]),
        ("zcbs", True, [{"empty"}]),
        ("zcbs", False, [{"empty"}]),
        ("zbcsc", True, [{"fresh"}, {"stale"}]),
        ("bcsz", False, [{"fresh"}]),
        ("bszc", True, [{"empty"}]),
    ],
)
def test_says_what_is_in_the_gradients(session, events, order, clear, traits):
    clipped(session, order, clear)
    assert [set(e.traits) for e in events(Kind.CLIP)] == traits


def test_an_infinite_limit_measures(session, events):
    clipped(session, "zbcs", limit=float("inf"))
    assert [set(e.traits) for e in events(Kind.CLIP)] == [{"fresh", "measures"}]


def test_gradients_that_no_probe_sees_are_not_called_empty(session, events):
    model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(4)), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(4, 3)).sum().backward()
            early(model[2].parameters(), 1.0)
            optimizer.step()
    assert all("empty" not in e.traits for e in events(Kind.CLIP))


@pytest.mark.parametrize(
    ("unscale", "read", "traits"),
    [
        (False, False, {"fresh", "scaled"}),
        (True, False, {"fresh"}),
        (False, True, {"fresh", "scaled", "scale-read"}),
    ],
)
def test_tells_whether_the_scale_is_still_in(session, events, unscale, read, traits):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(model(torch.randn(4, 3)).sum()).backward()
            if unscale:
                scaler.unscale_(optimizer)
            early(model.parameters(), scaler.get_scale() if read else 1.0)
            scaler.step(optimizer)
            scaler.update()
    assert [set(e.traits) for e in events(Kind.CLIP)] == [traits]
