"""What a `with` statement changes for its body."""

import pytest

from osler.model import Network

FORWARDS = "model(x)\n"


def recording(read) -> list[bool | None]:
    return [a.recording for a in read.actions if a.kind == "forward"]


@pytest.mark.parametrize(
    ("manager", "state"),
    [
        ("torch.no_grad()", False),
        ("torch.inference_mode()", False),
        ("torch.no_grad", False),
        ("torch.inference_mode(False)", True),
        ("torch.inference_mode(flag)", None),
        ("torch.enable_grad()", True),
        ("torch.set_grad_enabled(False)", False),
        ("torch.set_grad_enabled(True)", True),
        ("torch.set_grad_enabled(mode=False)", False),
        ("torch.inference_mode(mode=False)", True),
        ("torch.set_grad_enabled(training)", None),
        ("torch.autocast('cuda')", True),
        ("torch.cuda.amp.autocast()", True),
        ("open('a')", True),
        ("anything(model.name)", True),
        ("torch.no_grad(), torch.autocast('cuda')", False),
        ("torch.no_grad(), torch.enable_grad()", True),
    ],
)
def test_recording_of_gradients(trained, manager, state) -> None:
    read = trained(f"with {manager}:\n    model(x)\nmodel(x)")
    assert recording(read) == [state, True]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("quiet = torch.no_grad()", False),
        ("quiet = torch.no_grad() if True else nullcontext()", False),
        ("quiet = torch.no_grad() if what else nullcontext()", None),
        ("quiet = torch.enable_grad() if what else torch.no_grad()", None),
        ("quiet = nullcontext()", True),
    ],
)
def test_a_manager_that_was_made_before(trained, text, state) -> None:
    read = trained(f"from contextlib import nullcontext\n{text}\nwith quiet:\n    model(x)\nmodel(x)")
    assert recording(read) == [state, True]


def test_a_manager_entered_through_a_stack(trained) -> None:
    read = trained(
        """
        from contextlib import ExitStack
        with ExitStack() as stack:
            model(x)
            stack.enter_context(torch.no_grad())
            model(x)
        model(x)
        """
    )
    assert recording(read) == [True, False, True]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("if what: torch.set_grad_enabled(False)", None),
        ("if what: torch.set_grad_enabled(True)", True),
        ("if what:\n    torch.set_grad_enabled(False)\nelse:\n    torch.set_grad_enabled(False)", False),
        ("if what:\n    torch.set_grad_enabled(False)\n    exit()", True),
    ],
)
def test_recording_switched_on_one_way_only_is_not_known_behind(trained, text, state) -> None:
    assert recording(trained(f"{text}\nmodel(x)")) == [state]


def test_recording_is_switched_for_the_functions_called_inside_too(trained) -> None:
    read = trained(
        "def f(): model(x)\nwith torch.no_grad():\n    f()\n    with torch.enable_grad():\n        f()\nf()"
    )
    assert recording(read) == [False, True, True]


def test_a_decorator_does_the_same(trained) -> None:
    read = trained(
        "@torch.no_grad()\ndef f(): model(x)\n@torch.inference_mode\ndef g(): model(x)\nf(); g(); model(x)"
    )
    assert recording(read) == [False, False, True]


@pytest.mark.parametrize(("given", "state"), [("False", False), ("True", True)])
def test_a_decorator_that_says_so(trained, given, state) -> None:
    read = trained(f"@torch.set_grad_enabled({given})\ndef f(): model(x)\nf(); model(x)")
    assert recording(read) == [state, True]


def test_switching_without_with_lasts(trained) -> None:
    read = trained("torch.set_grad_enabled(False)\nmodel(x)\ntorch.set_grad_enabled(True)\nmodel(x)")
    assert recording(read) == [False, True]


def test_whether_the_line_behind_is_reached(trained) -> None:
    read = trained("def f():\n    with torch.no_grad():\n        return 1\n    model(x)\nf()")
    assert read.told == []


EVALUATING = """
from contextlib import contextmanager

@contextmanager
def evaluating(net, back=True):
    net.eval()
    yield net
    if back:
        net.train()

"""


def test_the_body_runs_where_the_users_own_manager_yields(trained) -> None:
    read = trained(f"{EVALUATING}with evaluating(model) as m:\n    m(x)\nmodel(x)")
    assert read.told == ["mode model eval", "forward model", "mode model train", "forward model"]
    assert isinstance(read["m"], Network)


@pytest.mark.parametrize(
    "managers",
    [
        "torch.no_grad(), evaluating(model, True)",
        "evaluating(net=model), torch.no_grad()",
        "evaluating(*[model])",
    ],
)
def test_each_manager_is_given_its_own_arguments(trained, managers) -> None:
    read = trained(f"{EVALUATING}with {managers}:\n    model(x)")
    assert read.told == ["mode model eval", "forward model", "mode model train"]


def test_two_of_the_users_own(trained) -> None:
    read = trained(
        f"{EVALUATING}other = nn.Linear(1, 1)\n"
        "with evaluating(model), evaluating(other, False):\n"
        "    model(x)"
    )
    assert read.told == ["mode model eval", "mode other eval", "forward model", "mode model train"]


def test_recording_inside_the_users_own_manager_reaches_the_body(trained) -> None:
    read = trained(
        """
        from contextlib import contextmanager
        @contextmanager
        def quiet():
            with torch.no_grad():
                yield
        with quiet():
            model(x)
        model(x)
        """
    )
    assert recording(read) == [False, True]


def test_a_manager_as_a_method(trained) -> None:
    read = trained(
        """
        from contextlib import contextmanager
        class Trainer:
            def __init__(self, net): self.net = net
            @contextmanager
            def evaluating(self, mode):
                self.net.train(mode)
                yield
                self.net.train()
        with Trainer(model).evaluating(False):
            model(x)
        """
    )
    assert read.told == ["mode model eval", "forward model", "mode model train"]


def test_an_object_of_the_users_as_manager(trained) -> None:
    read = trained(
        """
        class Evaluating:
            def __init__(self, net): self.net = net
            def __enter__(self):
                self.net.eval()
                return self.net
            def __exit__(self, *error): self.net.train()
        class Timer:
            pass
        with Timer() as t, Evaluating(model) as net:
            net(x)
        """
    )
    assert read.told == ["mode model eval", "forward model", "mode model train"]
    assert read["net"] is read["model"]


def test_the_body_is_followed_once_even_if_the_manager_never_or_often_yields(trained) -> None:
    never = "from contextlib import contextmanager\n@contextmanager\ndef f(): pass\nwith f():\n    model(x)"
    often = never.replace("pass", "\n    yield\n    yield")
    assert trained(never).told == trained(often).told == ["forward model"]


def test_a_name_bound_by_something_unknown_gets_its_role(trained) -> None:
    read = trained("with make() as optimizer:\n    optimizer.step()")
    assert read.told == ["step optimizer"]
