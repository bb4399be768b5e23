"""Files in, facts out: every way into a set of files that belong together is followed once."""

import sys

import pytest

from osler.model import Kind, Loop, Optimizer
from osler.static import reader
from osler.static.reader import deep_recursion

TRAIN = """
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def train(loader):
    for x in loader:
        F.mse_loss(model(x), x).backward()
        optimizer.step()
"""


def entries(read) -> list[str]:
    return [t.entry for t in read.traces]


def test_a_script_is_one_way_in(code) -> None:
    read = code(TRAIN + "train(DataLoader(d))")
    assert entries(read) == [""]
    assert (read.traces[0].place.line, read.traces[0].is_open) == (1, False)
    assert len(read.stepped) == 1


def test_a_function_that_nobody_calls_is_one_of_its_own(code) -> None:
    read = code(TRAIN)
    assert entries(read) == ["", "train"]
    assert (read.traces[1].place.line, read.traces[1].is_open) == (4, True)
    assert len(read.stepped) == 1


def test_a_function_called_from_another_that_nobody_calls_is_followed_with_it(code) -> None:
    read = code("def main(optimizer): step(optimizer)\ndef step(optimizer): optimizer.step()")
    assert entries(read) == ["main"]


def test_what_is_behind_a_main_guard_is_followed(code) -> None:
    assert entries(code(TRAIN + "if __name__ == '__main__':\n    train(DataLoader(d))")) == [""]


def test_a_function_nobody_calls_is_given_what_its_parameters_seem_to_be(code) -> None:
    text = (
        "def train(model, optimizer, loader):\n"
        "    for x in loader:\n"
        "        model(x).sum().backward()\n"
        "        optimizer.step()"
    )
    (fact,) = code(text).stepped
    assert isinstance(fact.optimizer, Optimizer)
    assert fact.optimizer.made == ""
    assert fact.loops[0].over.name == "loader"


def test_gradients_in_such_a_function_are_the_callers_affair(code) -> None:
    read = code("def f(model, x): model(x)\ndef g(model, x):\n    with torch.no_grad(): model(x)")
    assert [a.recording for a in read.actions(Kind.FORWARD)] == [None, False]


TRAINER = """
class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    def step(self, x):
        self.model(x).sum().backward()
        self.optimizer.step()
"""


def test_a_method_that_nobody_calls_is_repeated_by_someone(code) -> None:
    read = code(TRAINER)
    (fact,) = read.stepped
    assert fact.trace.entry == "step"
    (loop,) = fact.trace.nodes
    assert isinstance(loop, Loop)
    assert loop.framework
    assert fact.optimizer.name == "self.optimizer"


def test_its_object_is_the_one_the_script_makes(code) -> None:
    read = code(TRAINER + "net = nn.Linear(4, 2)\ntrainer = Trainer(net)")
    assert [f.model.name for f in read.called] == ["net"]


@pytest.mark.parametrize("decorator", ["@staticmethod", "@classmethod"])
def test_methods_without_an_object(code, decorator) -> None:
    first = "cls, " if "class" in decorator else ""
    text = f"class A:\n    {decorator}\n    def step({first}optimizer): optimizer.step()"
    read = code(text)
    assert [a.subject.name for a in read.actions(Kind.STEP)] == ["optimizer"]
    assert not isinstance(read.traces[0].nodes[0], Loop)


def test_a_test_of_the_users_is_run_once(code) -> None:
    read = code(TRAINER.replace("def step", "def test_step"))
    assert not any(isinstance(n, Loop) for t in read.traces for n in t.nodes)


def test_layers_inside_a_forward_that_nobody_calls_are_no_root_modules(code) -> None:
    text = (
        "class Net(nn.Module):\n"
        "    def __init__(self): self.fc = nn.Linear(1, 1)\n"
        "    def forward(self, x): return self.fc(x)"
    )
    assert list(code(text).actions(Kind.FORWARD)) == []


def test_files_that_belong_together_are_read_together(code) -> None:
    read = code(
        "from net import Net\nnet = Net()\nnet(x)",
        {"net.py": "class Net(nn.Module):\n    def forward(self, x): return x"},
    )
    assert [f.rpartition("/")[2] for f in read.files] == ["train.py", "net.py"]
    assert [n.name for n in read.networks] == ["net"]
    assert len(list(read.actions(Kind.FORWARD))) == 1


def test_each_file_is_a_script(code) -> None:
    read = code(TRAIN, {"other.py": TRAIN})
    assert {t.place.file.rpartition("/")[2] for t in read.traces} == {"train.py", "other.py"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import lightning", {"lightning"}),
        ("import pytorch_lightning.callbacks as c", {"pytorch_lightning"}),
        ("from transformers import Trainer", {"transformers"}),
        ("def f(): import fastai", {"fastai"}),
        ("from .transformers import x", set()),
        ("import numpy, lightningish", set()),
    ],
)
def test_frameworks_that_are_imported(code, text, names) -> None:
    assert code(text).frameworks == names


def test_calls_methods_and_things_built_are_gathered(code) -> None:
    read = code(TRAIN + "torch.manual_seed(0)\nloader = DataLoader(d)\nmodel.fit()")
    assert len(list(read.calls_of("torch.manual_seed"))) == 1
    assert {"step", "backward", "fit", "manual_seed"} <= read.methods
    assert [len(x) for x in (read.networks, read.optimizers, read.loaders)] == [1, 1, 1]
    assert read.steps > 20


def test_a_script_cut_short_is_not_judged(code, monkeypatch) -> None:
    """It would seem to lack what comes later."""
    monkeypatch.setattr(reader, "BUDGET", 30)
    read = code(TRAIN + "train(DataLoader(d))")
    assert "script, for lack of time" in read.given_up
    assert not any(t.entry == "" for t in read.traces)
    assert read.stepped == []


def test_values_that_contain_themselves_do_no_harm_to_the_rest(code) -> None:
    endless = "def f(a): return [f, a, f(lambda: f(a))]\n" + "x = [x]\n" * 3 + "y = f(f)\n"
    read = code(endless + TRAIN)
    assert len(read.stepped) == 1


def test_python_may_call_deeper_only_while_reading() -> None:
    before = sys.getrecursionlimit()
    with deep_recursion():
        assert sys.getrecursionlimit() >= 15_000
    assert sys.getrecursionlimit() == before


def test_nothing_to_read(code) -> None:
    read = code("")
    assert (read.traces, read.stepped, read.called, read.given_up) == ([], [], [], {})


def test_calls_that_sound_like_seeding(code) -> None:
    text = (
        "import numpy as np\nnp.random.seed(0)\nseed_all(1)\nt = torch.Generator().manual_seed(2)\nx = seed"
    )
    assert code(text).seeding == {"np.random.seed", "seed_all", "manual_seed"}
