"""Calls of `autograd.grad`, read: a derivative with a graph of its own, or a constant."""

import pytest

DATA = "x = torch.rand(4, 4).requires_grad_()"


@pytest.mark.parametrize(
    ("call", "explicit"),
    [
        ("grad(model(x).sum(), x)", False),
        ("grad(outputs=model(x), inputs=x, grad_outputs=torch.ones(4, 2), retain_graph=True)", False),
        ("grad([model(x).sum()], [x])", False),
        ("grad(model(x).sum(), x, None, True, False)", True),
        ("grad(model(x).sum(), x, create_graph=False)", True),
    ],
)
def test_a_constant(trained, call, explicit) -> None:
    script = trained(f"{DATA}\nslope = torch.autograd.{call}[0]")
    slope = script["slope"]
    assert (slope.graphless.stage, slope.networks) == ("linear", frozenset())
    (derivative,) = slope.graphless.derivatives
    assert (derivative.explicit, derivative.fed, derivative.place.line) == (explicit, False, 4)
    assert script.told == ["forward model", *script.told[1:]]


@pytest.mark.parametrize(
    "call",
    [
        "grad(model(x).sum(), x, create_graph=True)",
        "grad(model(x).sum(), x, None, True, True)",
        "grad(model(x).sum(), x, create_graph=flag)",
        "grad(model(x).sum(), x, **options)",
        "grad(model(x).sum(), model.weight)",
        "grad(model(x).sum(), list(model.parameters()))",
        "grad(model(x).sum(), unknown)",
        "grad(model(model[0](x)).sum(), model[0](x))",
        "grad(x.pow(2).sum(), x)",
    ],
)
def test_a_graph_or_nothing_certain(trained, call) -> None:
    assert trained(f"{DATA}\nslope = torch.autograd.{call}[0]")["slope"].graphless is None


def test_into_a_network(trained) -> None:
    script = trained(f"{DATA}\nslope = torch.autograd.grad(model(x).sum(), x)[0]\nmodel(x + slope)")
    (derivative,) = script["slope"].graphless.derivatives
    assert derivative.fed
