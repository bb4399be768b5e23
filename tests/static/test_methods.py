"""Methods of what the reader knows: optimizers, tensors, gradients, containers; and of what it does not."""

import pytest

from osler.model import Const, Kind, Loader, Series, Table, Tensor


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("optimizer.step()", ["step optimizer"]),
        ("optimizer.zero_grad()", ["clear optimizer"]),
        ("optimizer.zero_grad(set_to_none=True)", ["clear optimizer"]),
        ("optimizer.step(None)", ["step optimizer"]),
        ("optimizer.step", []),
        ("optimizer.state_dict()", []),
        ("optimizer.load_state_dict(s)", []),
        ("optimizer.param_groups[0]['lr'] = 0.1", []),
        ("for g in optimizer.param_groups: g['lr'] *= 0.1", []),
        ("optimizer.swap()", ["handed optimizer"]),
        ("step = optimizer.step\nstep()", ["step optimizer"]),
    ],
)
def test_methods_of_an_optimizer(trained, text, told) -> None:
    assert trained(text).told == told


def test_a_closure_is_called_before_the_step(trained) -> None:
    read = trained(
        """
        def closure():
            optimizer.zero_grad()
            loss = model(x).sum()
            loss.backward()
            return loss
        optimizer.step(closure)
        """
    )
    assert read.told == ["clear optimizer", "forward model", "backward", "step optimizer closure"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("loss.backward()", ["backward"]),
        ("loss.backward(retain_graph=True)", ["backward retain_graph"]),
        ("loss.backward(retain_graph=False)", ["backward"]),
        ("loss.backward(retain_graph=keep)", ["backward"]),
        ("loss.backward(create_graph=True)", ["backward create_graph"]),
        ("(loss / 4).backward()", ["backward"]),
        ("loss.mean().backward()", ["backward"]),
        ("loss.backward", []),
    ],
)
def test_backward(trained, text, told) -> None:
    read = trained(f"loss = model(x)\n{text}")
    assert read.told == ["forward model", *told]


def test_a_backward_starts_from_its_tensor(trained) -> None:
    (backward,) = [a for a in trained("model(x).sum().backward()").actions if a.kind is Kind.BACKWARD]
    assert {n.name for n in backward.value.networks} == {"model"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p.grad.zero_()", ["clear model by hand"]),
        ("p.grad.data.zero_()", ["clear model by hand"]),
        ("p.data.add_(p.grad, alpha=-0.1)", ["step model by hand"]),
        ("p.sub_(0.1 * p.grad)", ["step model by hand"]),
        ("p.copy_(q)", ["step model by hand"]),
        ("p.clamp(0, 1)", []),
        ("p.data.norm()", []),
        ("p.grad.norm()", []),
        ("p.grad.clamp_(-1, 1)", []),
        ("p.requires_grad_(False)", []),
    ],
)
def test_gradients_and_parameters_by_hand(trained, text, told) -> None:
    assert trained(f"for p in model.parameters():\n    {text}").told == told


@pytest.mark.parametrize(
    ("text", "is_frozen"),
    [("p.requires_grad_(False)", True), ("p.requires_grad_()", False), ("p.requires_grad_(True)", False)],
)
def test_freezing_parameters(trained, text, is_frozen) -> None:
    assert trained(f"for p in model.parameters():\n    {text}")["model"].frozen is is_frozen


@pytest.mark.parametrize("text", ["size()", "dim()", "numel()", "stride(0)"])
def test_what_is_asked_of_a_tensor_is_no_tensor(trained, text) -> None:
    assert not isinstance(trained(f"x = model(x).{text}")["x"], Tensor)


def test_methods_of_tensors_are_noted(trained) -> None:
    read = trained("model(x).view(4, -1)")
    (fact,) = [f for facts in read.machine.facts.values() for f in facts if f.name == "Tensor.view"]
    assert isinstance(fact.argument(0, ""), Tensor)
    assert fact.argument(1, "") == Const(4)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("t.get('a')", 1),
        ("t.get('b', 5)", 5),
        ("t.pop('a')", 1),
        ("t.setdefault('a', 5)", 1),
        ("list(t.values())[0]", 1),
        ("list(t.items())[0][0]", "a"),
        ("[k for k, v in t.items()][0]", "a"),
        ("s.pop()", 3),
    ],
)
def test_methods_of_containers(script, text, value) -> None:
    assert script(f"t, s = {{'a': 1}}, [2, 3]\nx = {text}")["x"] == Const(value)


@pytest.mark.parametrize(
    ("text", "items", "whole"),
    [
        ("s.append(2)", [1, 2], True),
        ("s.extend([2, 3])", [1, 2, 3], False),
        ("for i in what: s.append(2)", [1, 2], False),
        ("if what: s.append(2)", [1, 2], False),
        ("s.sort()", [1], True),
    ],
)
def test_a_list_that_grows(script, text, items, whole) -> None:
    value = script(f"s = [1]\n{text}")["s"]
    assert isinstance(value, Series)
    assert ([i.value for i in value.items], value.whole) == (items, whole)


def test_a_dict_that_grows(script) -> None:
    value = script("t = {'a': 1}\nt.update({'b': 2})\nt.update(c=3)")["t"]
    assert isinstance(value, Table)
    assert value.items == {"a": Const(1), "b": Const(2), "c": Const(3)}


def test_a_dict_updated_with_something_unknown_may_hold_anything(script) -> None:
    assert not script("t = {'a': 1}\nt.update(what)")["t"].whole
    assert not script("t = {'a': 1}\nt.update(**what)")["t"].whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("losses = []\nfor x in what:\n    losses.append(model(x))", ["list", "outer"]),
        ("for x in what:\n    losses = []\n    losses.append(model(x))", ["list"]),
        ("losses = []\nlosses.append(model(x))", ["list"]),
    ],
    ids=["from turn to turn", "anew in each turn", "no loop"],
)
def test_a_tensor_put_into_a_list_is_kept(trained, text, words) -> None:
    (kept,) = [a for a in trained(text).actions if a.kind is Kind.KEEP]
    assert sorted(kept.words) == words


def test_what_is_no_tensor_is_not_kept(trained) -> None:
    assert trained("names = []\nfor x in what:\n    names.append('a')\n    names.append(x)").told == []


def test_a_loader_asked_for_the_next_batch(script) -> None:
    read = script("loader = DataLoader(d)\nit = iter(loader)\nx, y = it.next()\nz = next(it)")
    assert read["y"].batch is read["z"].batch is read["loader"]
    assert isinstance(read["it"], Loader)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("what.zero_grad()", ["clear"]),
        ("what.step()", ["step"]),
        ("what.step(action)", []),
        ("what.backward()", ["backward"]),
        ("what.backward(out)", ["backward managed"]),
        ("what.train()", ["mode unknown"]),
        ("what.eval()", ["mode unknown"]),
        ("what.train(data)", []),
        ("what.fit(model)", ["handed model"]),
        ("what.append(model)", []),
    ],
)
def test_methods_of_something_unknown(trained, text, told) -> None:
    assert trained(f"what = f()\n{text}").told == told


def test_what_something_unknown_makes_of_a_tensor_has_its_graph_but_is_not_certain(trained) -> None:
    read = trained("what = f()\nloss = what.compute(model(x))")
    assert (read["loss"].networks, read["loss"].certain) == ({read["model"]}, False)


@pytest.mark.parametrize(
    ("base", "told"), [("nn.Module", ["mode net eval"]), ("what", ["handed Instance", "handed model"])]
)
def test_a_method_of_a_class_above_that_was_not_read(trained, base, told) -> None:
    read = trained(
        f"class Net({base}):\n    def eval(self, m): super().eval(m)\nnet = Net()\nnet.eval(model)"
    )
    assert read.told == told[-1:]
