"""Which modules the parameters given to an optimizer belong to; nothing is claimed of what is not known."""

import pytest

SETUP = "body, head = nn.Linear(1, 1), nn.Linear(1, 1)\n"


def held(script, given: str) -> set[str] | None:
    optimizer = script(f"{SETUP}x = torch.optim.SGD({given}, lr=0.1)")["x"]
    return None if optimizer.held is None else {h.name for h in optimizer.held}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("body.parameters()", {"body"}),
        ("params=body.parameters()", {"body"}),
        ("list(body.parameters())", {"body"}),
        ("[*body.parameters()]", {"body"}),
        ("[p for p in body.parameters()]", {"body"}),
        ("[p for p in body.parameters() if p.requires_grad]", {"body"}),
        ("(p for _, p in body.named_parameters())", {"body"}),
        ("filter(lambda p: p.requires_grad, body.parameters())", {"body"}),
        ("list(body.parameters()) + list(head.parameters())", {"body", "head"}),
        ("[*body.parameters(), *head.parameters()]", {"body", "head"}),
        ("[{'params': body.parameters()}, {'params': head.parameters(), 'lr': 1}]", {"body", "head"}),
        ("[dict(params=body.parameters())]", {"body"}),
    ],
)
def test_what_an_optimizer_holds(script, given, names) -> None:
    assert held(script, given) == names


@pytest.mark.parametrize(
    "given",
    [
        "parameters",
        "[]",
        "[body.weight]",
        "list(body.parameters()) + others",
        "[parameters]",
        "[*body.parameters(), other]",
        "get_parameters(body)",
        "[{'lr': 1}]",
        "*given",
        "[{'params': body.parameters()}, groups]",
    ],
)
def test_what_is_not_known_is_not_guessed(script, given) -> None:
    assert held(script, given) is None


def test_chained(script) -> None:
    read = script(
        f"{SETUP}import itertools\nx = torch.optim.SGD(itertools.chain(body.parameters(), head.parameters()))"
    )
    assert read["x"].held == (read["body"], read["head"])
    read = script(f"{SETUP}import itertools\nx = torch.optim.SGD(itertools.chain(body.parameters(), others))")
    assert read["x"].held is None


def test_a_model_or_none(script) -> None:
    read = script(
        f"{SETUP}extra = None\n"
        "if big:\n"
        "    extra = head\n"
        "x = torch.optim.SGD([*body.parameters(), *extra.parameters()])"
    )
    assert read["x"].holds(read["head"])


def test_parameters_added_later(script) -> None:
    read = script(
        f"{SETUP}x = torch.optim.SGD(body.parameters())\nx.add_param_group({{'params': head.parameters()}})"
    )
    assert read["x"].held == (read["body"], read["head"])


def test_a_module_put_in_later_was_not_seen_when_the_optimizer_was_built(script) -> None:
    read = script(
        "net = nn.Sequential(nn.Linear(1, 1))\n"
        "x = torch.optim.SGD(net.parameters())\n"
        "net[0] = nn.Linear(1, 2)"
    )
    assert read["net.0"] not in read["x"].seen
    assert len(read["x"].seen) == 2


@pytest.mark.parametrize("start", ["list(body.parameters())", "[*body.parameters()]"])
@pytest.mark.parametrize(
    "more",
    ["+= list(head.parameters())", "+= [*head.parameters()]", "= given + [*head.parameters()]"],
)
def test_a_list_that_grows(script, start, more) -> None:
    read = script(f"{SETUP}given = {start}\ngiven {more}\nx = torch.optim.SGD(given)")
    assert read["x"].held == (read["body"], read["head"])


@pytest.mark.parametrize("start", ["list(body.parameters())", "[*body.parameters()]", "[]"])
@pytest.mark.parametrize("more", ["+= others", "+= get_parameters()", "= given + others"])
def test_a_list_that_grows_by_what_is_not_known(script, start, more) -> None:
    assert script(f"{SETUP}given = {start}\ngiven {more}\nx = torch.optim.SGD(given)")["x"].held is None


@pytest.mark.parametrize(
    "more",
    [
        "given.extend(head.parameters())",
        "given.append({'params': head.parameters()})",
        "if what: given.extend(head.parameters())",
        "for p in head.parameters(): given.append(p)",
    ],
)
def test_a_list_of_parameters_that_is_extended(script, more) -> None:
    read = script(f"{SETUP}given = list(body.parameters())\n{more}\nx = torch.optim.SGD(given)")
    assert read["x"].held == (read["body"], read["head"])


@pytest.mark.parametrize("more", ["given.extend(others)", "given[0:0] = head.parameters()", "given.pop()"])
def test_a_list_of_parameters_of_which_not_all_is_known(script, more) -> None:
    read = script(f"{SETUP}given = list(body.parameters())\n{more}\nx = torch.optim.SGD(given)")
    assert read["x"].held is None
