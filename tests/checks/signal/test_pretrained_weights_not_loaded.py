import pytest

from osler.checks.signal.pretrained_weights_not_loaded import check
from osler.model import LoadFact, Run, Severity
from osler.testing import examine, findings, place, read, run_of

SITE = (place(8),)


def run(*facts: LoadFact) -> Run:
    return run_of(loads=list(facts))


def test_says_what_was_seen() -> None:
    fact = LoadFact(SITE, "Net", 4, 6, 0, 4, "module.", True, "module.body.weight", "body.weight")
    (found,) = findings(run(fact), [check])
    assert found.message == (
        "none of the 6 parameters of `Net` found a value of its name and shape in what was loaded, and "
        "`strict=False` passes over that: the loaded names begin with `module.`, without which 4 would."
    )
    assert (found.place.line, found.place.subject) == (8, "Net")
    assert found.fix == 'Take the prefix off, `name.removeprefix("module.")`, and load with `strict=True`.'


def test_says_that_they_belong_to_a_part() -> None:
    fact = LoadFact(SITE, "Net", 4, 6, 1, 4, "body.", False, "weight", "body.weight")
    (found,) = findings(run(fact), [check])
    assert found.message.startswith("only 1 of the 6 parameters of `Net` found a value")
    assert found.message.endswith("the model's names begin with `body.`, without which 4 would.")
    assert found.fix == "Load the weights into that part of the model, `model.body.load_state_dict(...)`."


def test_shows_names_that_have_nothing_in_common() -> None:
    (found,) = findings(run(LoadFact(SITE, "Net", 4, 6, 0, entry="w1", parameter="body.weight")), [check])
    assert found.message.endswith("the first entry is `w1`, the model's first parameter `body.weight`.")
    assert found.fix == check.fix


def test_says_that_nothing_was_there() -> None:
    (found,) = findings(run(LoadFact(SITE, "Net", 0, 6, 0, parameter="body.weight")), [check])
    assert found.message.endswith("it holds no tensors by name.")


def test_applies_where_weights_do_not_fit() -> None:
    assert check.applies(run()) == "no weights were loaded that do not fit"


START = """
source = Net().state_dict()
net = Net()

def load(weights, into=net):
    into.load_state_dict(weights, strict=False)

"""
BAD = {
    "the prefix of a wrapper": "load({f'module.{n}': v for n, v in source.items()})",
    "into the wrapper": "load(source, nn.DataParallel(net))",
    "a whole checkpoint": "load({'model': source, 'epoch': 3})",
    "other names": "net.load_state_dict({n.upper(): v for n, v in source.items()}, False)",
    "nothing is left of it": "load({n: v for n, v in source.items() if 'x' in n})",
    "the best weights of the training are put back later": (
        "load({f'module.{n}': v for n, v in source.items()})\n"
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "for _ in range(3):\n"
        "    loss = sum(p.square().sum() for p in net.parameters())\n"
        "    optimizer.zero_grad(); loss.backward(); optimizer.step()\n"
        "net.load_state_dict({n: v.clone() for n, v in net.state_dict().items()})"
    ),
    "into the whole instead of a part": (
        "whole = nn.ModuleDict({'net': net, 'head': nn.Linear(4, 2)}); load(source, whole)"
    ),
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    found = examine(START + code).headlines
    assert [f.check for f in found] == [check.name]
    assert found[0].place.line


SILENT = {
    "they fit": "load(source)",
    "a new head": ("net.head = nn.Linear(16, 4); load({n: v for n, v in source.items() if 'body' in n})"),
    "a head under another name": "load({n.replace('head', 'old.head'): v for n, v in source.items()})",
    "adapters beside it": "net.extra = nn.Linear(16, 2); load(source)",
    "a second attempt": "load({f'module.{n}': v for n, v in source.items()}); load(source)",
    "a second attempt with the whole": (
        "load({f'0.{n}': v for n, v in source.items()})\n"
        "nn.Sequential(net).load_state_dict({f'0.{n}': v for n, v in source.items()})"
    ),
    "strict": "net.load_state_dict(source)",
    "a part": "load({'weight': source['body.weight']}, net.body)",
    "no parameters": "load(source, nn.ReLU())",
    "torch says so itself": "net.load_state_dict({f'module.{n}': v for n, v in source.items()})",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(START + code).findings}


def test_says_what_was_read() -> None:
    code = 'stored = torch.load("old.pt")\nmodel.load_state_dict(stored, strict=False)'
    (found,) = read(code, [check]).findings
    assert found.message == (
        "`strict=False` passes over every name that does not fit, and nobody looks at what was missing: if "
        "all names differ, nothing is loaded."
    )
    assert (found.severity, found.place.line) == (Severity.HINT, 34)
    assert [(r.place.line, r.label) for r in found.related] == [(33, "the weights come from here")]


def test_is_read_in_silence_where_somebody_looks() -> None:
    code = 'print(model.load_state_dict(torch.load("old.pt"), strict=False))'
    assert read(code, [check]).findings == ()
