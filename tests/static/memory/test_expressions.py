"""What expressions stand for."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "b = a",
        "b, c = a, 1",
        "(b, c), d = (a, 1), 2",
        "b = (a, 1)[0]",
        "b = (c := a)",
        "[b] = (a,)",
        "for b in (a, a): pass",
        "for n, b in enumerate([a]): pass",
        "for b, c in zip([a], [1]): pass",
    ],
)
def test_the_same(follow: Callable[..., object], code: str) -> None:
    assert follow(f"a = np.zeros(4)\n{code}").shares("a", "b")


def test_one_of_two(follow: Callable[..., object]) -> None:
    found = follow("a, b = np.zeros(4), np.ones(4)\nc = a if x else b\nd = None or a")
    assert found.blocks("c") == found.blocks("a") + found.blocks("b")
    assert found.shares("a", "d")


def test_a_comprehension_makes_new_things_in_each_turn(follow: Callable[..., object]) -> None:
    found = follow("rows = [np.zeros(4) for _ in range(3)]\na, b = rows[0], rows[1]")
    assert not found.shares("a", "b")
    assert follow("a = np.zeros(4)\nrows = [a for _ in range(3)]\nb = rows[1]").shares("a", "b")


def test_a_part_of_an_array_can_change_it(follow: Callable[..., object]) -> None:
    assert follow("a = np.zeros(4)\nb = a[:2]\nb += 1").is_changed("a")


@pytest.mark.parametrize("key", ['"x"', "'y'"])
def test_a_column_by_its_name(follow: Callable[..., object], key: str) -> None:
    assert not follow(f"a = load()\na[{key}] = 1").is_changed("a")


NET = """
net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=1)
"""


@pytest.mark.parametrize(
    "loop",
    [
        "for p in net.parameters():\n    p.data.normal_(); rows.append(p)",
        "for p in net.parameters():\n    p.data.normal_(); rows.append(p.data)",
        "for n, p in enumerate(net.parameters()):\n    p.data.normal_(); rows.append((n, p))",
        "for p, q in zip(net.parameters(), other):\n    p.data.copy_(q); rows.append(p)",
        "for p in net.parameters():\n    p.requires_grad_(False); rows.append(p)",
        "for i in range(2):\n    net[i].weight.data.zero_(); rows.append(net[i].weight)",
        "for i in range(2):\n    layer = net[i]; layer.bias.data.zero_(); rows.append(layer.bias)",
        "for layer in (net[0], net[1]):\n    layer.bias.data.zero_(); rows.append(layer.bias)",
        "for layer in (net[0],):\n    layer.bias.data.zero_(); rows.append(layer.bias)",
        "for layer in net:\n    layer.bias.data.zero_(); rows.append(layer.bias)",
        "for x in xs:\n    optimizer.step(); rows.append([p.data.clone() for p in net.parameters()])",
        "for x in xs:\n    optimizer.step(); rows.append([p.detach().norm() for p in net.parameters()])",
        "for x in xs:\n    optimizer.step(); rows.append(torch.cat([p.view(-1) for p in net.parameters()]))",
        "for x in xs:\n    optimizer.step(); rows.append(nn.utils.parameters_to_vector(net.parameters()))",
        "for x in xs:\n    optimizer.step(); rows.append(net[0].weight.grad)",
        "for x in xs:\n    optimizer.step(); rows.append(net[0].weight.data[0, 0].item())",
        "for x in xs:\n    optimizer.step(); rows.append(copy.deepcopy(net))",
        "for x in xs:\n    optimizer.zero_grad(); rows.append(net[0].weight.data)",
        "for x in xs:\n    net[-1] = nn.Linear(2, 2); optimizer.step(); rows.append(net[-1].weight.data)",
        "for x in xs:\n    net.head = nn.Linear(2, 2); optimizer.step(); rows.append(net.head.weight.data)",
        "for x in xs:\n    net = nn.Linear(2, 2); net.weight.data.zero_(); rows.append(net.weight.data)",
        "net = nn.Linear(2, 2)\nfor x in xs:\n"
        "    net.weight = nn.Parameter(x); net.weight.data.zero_(); rows.append(net.weight)",
        "net = nn.Linear(2, 2)\nfor x in xs:\n"
        "    net.weight.data = x + 1; net.weight.data.zero_(); rows.append(net.weight.data)",
    ],
)
def test_weights_that_are_not_the_same(follow: Callable[..., object], loop: str) -> None:
    assert follow(f"{NET}rows = []\n{loop}").scene.found == []


@pytest.mark.parametrize(
    "loop",
    [
        "for x in xs:\n    optimizer.step(); rows.append(net[0].weight.data)",
        "for x in xs:\n    optimizer.step(); rows.append(net[-1].bias.detach())",
        "for x in xs:\n    optimizer.step(); rows.append([p.data for p in net.parameters()])",
        "for x in xs:\n    optimizer.step()\n    for p in net.parameters(): rows.append(p.data)",
        "for x in xs:\n    net[0].weight.data.mul_(0.9); rows.append(net[0].weight)",
        "for x in xs:\n    net[0].weight.data *= 0.9; rows.append(net[0].weight)",
        "head = nn.Linear(2, 2)\nfor x in xs:\n"
        "    net.head = head; optimizer.step(); rows.append(net.head.weight.data)",
    ],
)
def test_weights_that_are(follow: Callable[..., object], loop: str) -> None:
    assert follow(f"{NET}rows = []\n{loop}").scene.found != []


@pytest.mark.parametrize(
    ("code", "same"),
    [
        ("b = [*[a]][0]", True),
        ("b = (*(1, a),)[1]", True),
        ("b = (1, *(2, a))[-1]", True),
        ("b = [1, *[2, a]][-1]", True),
        ("b = [*xs, a][-1]", True),
        ("b = [*a][0]", False),
        ("b = (*a,)[0]", False),
        ("b = {**a}", False),
        ("b = [a, 1][n]", False),
        ("b = [a, 1][5]", False),
        ("b = (a, 1)[-7]", False),
        ("b = {'x': a}['x']", False),
        ("b = {0: a}[0]", True),
        ("b = a if x else a", True),
        ("b = x and a", True),
        ("b = not a", False),
        ("b = await_(a)", False),
        ("b = a[...]", True),
        ("b = a[:, None]", True),
        ("b = a[np.newaxis]", True),
        ("b = a[None, ..., np.newaxis]", True),
        ("b = a[:][:]", True),
        ("b = a[True]", False),
        ("b = a[(0, 1), :]", False),
        ("b = a[b:]", True),
        ("b = a[f(x):]", True),
        ("b = a[[0]]", False),
        ("b = a[a > 0]", False),
        ("b = (lambda x: x)(a)", True),
        ("b = (lambda: a)()", True),
        ("b = [x for x in [a]][0]", True),
        ("b = [x.copy() for x in [a]][0]", False),
        ("b = next(x for x in [a])", False),
        ("b = {x for x in [a]}.pop()", True),
        ("b = {k: x for k, x in [(1, a)]}[1]", False),
        ("b = f'{a}'", False),
        ("b = a < 1", False),
        ("b = ~a", False),
    ],
)
def test_whether_it_is_the_same(follow: Callable[..., object], code: str, same: bool) -> None:
    assert follow(f"b = 0\na = np.zeros(4)\n{code}").shares("a", "b") is same
