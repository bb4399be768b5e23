import pytest

from osler.checks.evaluation.model_reused_across_folds import check
from osler.testing import read

TRAIN = """
import copy

import numpy as np
from sklearn.model_selection import KFold, TimeSeriesSplit

x = torch.randn(120, 8)
y = x[:, :4].argmax(dim=1)


def fit(net, opt, rows):
    net.train()
    for batch in torch.as_tensor(rows).split(16):
        opt.zero_grad()
        loss_fn(net(x[batch]), y[batch]).backward()
        opt.step()


def score(net, rows):
    net.eval()
    with torch.no_grad():
        return (net(x[rows]).argmax(dim=1) == y[rows]).float().mean().item()


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


net = Net()
"""

ONE_FOLD = """
    opt = torch.optim.SGD(net.parameters(), lr=0.05)
    fit(net, opt, train)
    print(score(net, test))
"""
BY_LIBRARY = "for fold, (train, test) in enumerate(KFold(5).split(x)):"


def folds(head: str = BY_LIBRARY, start: str = "", body: str = ONE_FOLD, before: str = "") -> str:
    """A cross-validation after the functions that train and score."""
    return f"{TRAIN}\n{before}\n{head}\n    {start or 'pass'}\n{body}"


def spoken(code: str) -> list[str]:
    """What the check says."""
    return [f.message for f in read(code, [check]).findings]


def test_says_what_was_seen() -> None:
    (found,) = read(folds(), [check]).findings
    assert found.message == (
        "`net` is built before the loop over the folds of `KFold` in line 64: each fold trains it on with a "
        "new optimizer from where the fold before has left it."
    )
    assert found.place.line == 61
    assert [(r.place.line, r.label) for r in found.related] == [
        (64, "the loop over the folds"),
        (48, "each fold trains it here"),
        (54, "rows that earlier folds have trained it on are evaluated here"),
    ]


def test_says_that_the_weights_put_aside_are_live() -> None:
    code = folds(before="start = net.state_dict()", start="net.load_state_dict(start)")
    (found,) = read(code, [check]).findings
    assert found.message == (
        "what line 63 puts aside are the live weights of `net`: line 65 loads them into itself, so that it "
        "goes on from fold to fold in the loop over the folds of `KFold` in line 64."
    )
    assert found.place.line == 63


CLASS = """
class Study:
    def __init__(self, lr):
        self.net = Net()
        self.folds = KFold(4, shuffle=True)
        self.lr = lr

    def one(self, train, test):
        self.opt = torch.optim.Adam(self.net.parameters(), lr=self.lr)
        fit(self.net, self.opt, train)
        return score(self.net, test)

    def run(self):
        scores = []
        for train, test in self.folds.split(x):
            scores.append(self.one(train, test))
        return scores


print(Study(0.01).run())
"""
PARTS = "parts = np.array_split(np.random.permutation(120), 5)"
NUMBER = "for i in range(5):"
FOUND = {
    "scikit-learn": folds(),
    "a class": TRAIN + CLASS,
    "an optimizer that goes on too": folds(
        before="opt = torch.optim.SGD(net.parameters(), lr=0.1)",
        body="    fit(net, opt, train)\n    print(score(net, test))",
    ),
    "folds in a list": folds(
        "for train, test in splits:", before="splits = list(KFold(5, shuffle=True).split(x))"
    ),
    "epochs around the folds": folds(
        "for epoch in range(3):",
        body="    for train, test in KFold(4).split(x):\n"
        "        opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "        fit(net, opt, train)\n        print(score(net, test))",
    ),
    "a reset that nobody calls": folds(
        before="def reset(part):\n    if hasattr(part, 'weight'):\n        part.reset_parameters()\n"
    ),
    "a shallow copy of the weights": folds(
        before="start = copy.copy(net.state_dict())", start="net.load_state_dict(start)"
    ),
    "parts of an array": folds(
        NUMBER,
        "test = parts[i]; train = np.concatenate([parts[j] for j in range(5) if j != i])",
        before=PARTS,
    ),
    "parts and the rest": folds(
        "for i, test in enumerate(parts):", "train = np.concatenate(parts[:i] + parts[i + 1:])", before=PARTS
    ),
    "slices": folds(
        NUMBER,
        "low, high = i * 24, i * 24 + 24; train = torch.cat([order[:low], order[high:]]); "
        "test = order[low:high]",
        before="order = torch.randperm(120)",
    ),
    "numbers of folds": folds(
        NUMBER,
        "train, test = np.flatnonzero(number != i), np.flatnonzero(number == i)",
        before="number = np.arange(120) % 5",
    ),
    "a mask": folds(
        NUMBER,
        "held = torch.zeros(120, dtype=torch.bool); held[order[i::5]] = True\n"
        "    train, test = torch.where(~held)[0], torch.where(held)[0]",
        before="order = torch.randperm(120)",
    )
    .replace("held = torch", "pass\n    held = torch")
    .replace("; held[", "\n    held["),
    "the best file of each fold": folds(
        body="""
    opt = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(9):
        fit(net, opt, train)
        torch.save(net.state_dict(), f"best{fold}.pt")
    net.load_state_dict(torch.load(f"best{fold}.pt"))
    print(score(net, test))
"""
    ),
    "the best weights of each fold": folds(
        body="""
    opt = torch.optim.SGD(net.parameters(), lr=0.05)
    best, best_score = None, 0.0
    for epoch in range(9):
        fit(net, opt, train)
        if score(net, test) > best_score:
            best, best_score = copy.deepcopy(net.state_dict()), score(net, test)
    net.load_state_dict(best)
    print(score(net, test))
"""
    ),
}


@pytest.mark.parametrize("code", FOUND.values(), ids=FOUND)
def test_is_found(code: str) -> None:
    assert len(spoken(code)) == 1


RESET = """
def reset(part):
    if hasattr(part, 'reset_parameters'):
        part.reset_parameters()
"""
BY_HAND = """
def reset(net):
    for part in net.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
"""
MANY = """
    opt = torch.optim.SGD(nets[fold].parameters(), lr=0.05)
    fit(nets[fold], opt, train)
    print(score(nets[fold], test))
"""
HEADS = """
encoder = Net()
for p in encoder.parameters():
    p.requires_grad_(False)
for train, test in KFold(5).split(x):
    head = nn.Linear(4, 4)
    opt = torch.optim.SGD(head.parameters(), lr=0.1)
    loss_fn(head(encoder(x[train])), y[train]).backward()
    opt.step()
    with torch.no_grad():
        print(head(encoder(x[test])).argmax(dim=1))
"""
SILENT = {
    "built inside": folds(start="net = Net()"),
    "a factory": folds(start="net = build()"),
    "a deep copy": folds(start="net = copy.deepcopy(base)", before="base = Net()"),
    "reset by apply": folds(start="net.apply(reset)", before=RESET),
    "reset of each part": folds(start="[reset(m) for m in net.modules()]", before=RESET),
    "reset by init": folds(start="reset(net)", before=BY_HAND),
    "a copy of the first weights": folds(
        start="net.load_state_dict(start)", before="start = copy.deepcopy(net.state_dict())"
    ),
    "a copy when it is loaded": folds(
        start="net.load_state_dict(copy.deepcopy(start))",
        before="start = {k: v.clone() for k, v in net.state_dict().items()}",
    ),
    "the first weights at the end": folds(
        body=f"    start = copy.deepcopy(net.state_dict())\n{ONE_FOLD}\n    net.load_state_dict(start)"
    ),
    "weights from a file": folds(
        start="net.load_state_dict(torch.load('start.pt'))", before="torch.save(net.state_dict(), 'start.pt')"
    ),
    "weights put aside before a move": folds(
        start="net.load_state_dict(start)", before="start = net.state_dict()\nnet.to('cuda')"
    ),
    "the data of the parameters": folds(
        start="for p, q in zip(net.parameters(), first): p.data = q.clone()",
        before="first = [p.detach().clone() for p in net.parameters()]",
    ),
    "vectors of parameters": folds(
        start="nn.utils.vector_to_parameters(first, net.parameters())",
        before="first = nn.utils.parameters_to_vector(net.parameters()).detach().clone()",
    ),
    "new heads on a frozen encoder": TRAIN + HEADS,
    "a new last layer": folds(start="net.head = nn.Linear(16, 4)"),
    "a part is put back": folds(
        start="net.body.load_state_dict(start)", before="start = copy.deepcopy(net.body.state_dict())"
    ),
    "time goes on": folds("for train, test in TimeSeriesSplit(5).split(x):"),
    "one in a list": folds(body=MANY, before="nets = [Net() for _ in range(5)]"),
    "one in a list by a factory": folds(body=MANY, before="nets = [build() for _ in range(5)]"),
    "one in a dict": folds(body=MANY, before="nets = {k: build() for k in range(5)}"),
    "one of a few": folds(body=MANY, before="nets = nn.ModuleList([Net(), Net(), Net(), Net(), Net()])"),
    "one beside its fold": folds(
        "for net, (train, test) in zip(nets, KFold(5).split(x)):", before="nets = [Net() for _ in range(5)]"
    ),
    "a function that builds": folds(
        before="def run(train, test):\n    net = Net()\n" + ONE_FOLD, body="    run(train, test)"
    ),
    "only data of its own are scored": folds(
        body=ONE_FOLD.replace("score(net, test)", "score(net, range(9))")
    ),
    "nothing is scored": folds(body=ONE_FOLD.replace("    print(score(net, test))\n", "")),
    "scored after the loop": folds(body=ONE_FOLD.replace("    print(", "print(")),
    "one fold only": folds(body=ONE_FOLD + "    break"),
    "one fold is chosen": folds(start="if fold != 2: continue"),
    "tasks one after the other": folds(
        "for task in range(4):", "train = test = np.flatnonzero(y.numpy() == task)", before="y = y"
    ),
    "parts of clients": folds("for train in parts:", "test = range(9)", before=PARTS),
    "one class against the others": folds(
        "for c in range(4):",
        body="""
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    ours, others = x[y == c], x[y != c]
    opt.zero_grad()
    (net(others).mean() - net(ours).mean()).backward()
    opt.step()
    with torch.no_grad():
        print(net(ours).mean())
""",
    ),
    "a pool that is labelled bit by bit": folds(
        NUMBER,
        "known[torch.randperm(120)[:i]] = True; train = torch.where(known)[0]; test = torch.where(~known)[0]",
        before="known = torch.zeros(120, dtype=torch.bool)",
    ),
    "epochs over batches": folds(
        "for epoch in range(5):", "train, test = torch.arange(100), torch.arange(100, 120)"
    ),
    "put back by a context": folds(
        "for train, test in KFold(5).split(x):",
        before="""
import contextlib


@contextlib.contextmanager
def as_it_was(part):
    saved = {k: v.clone() for k, v in part.state_dict().items()}
    yield part
    part.load_state_dict(saved)
""",
        body="    with as_it_was(net):\n" + ONE_FOLD.replace("    ", "        "),
    ),
    "rounds of a meta-learner that is trained on both sides": folds(
        "for step in range(100):",
        "away, here = y != step % 4, y == step % 4",
        body="""
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    (loss_fn(net(x[away]), y[away]) + loss_fn(net(x[here]), y[here])).backward()
    opt.step()
    print(score(net, here))
""",
    ),
    "an unread function": folds(start="clean_slate(net)", before="from lab import clean_slate"),
    "a class that builds in each fold": TRAIN
    + CLASS.replace("self.opt = torch", "self.net = Net()\n        self.opt = torch"),
    "out-of-fold features of a frozen network": TRAIN
    + """
from sklearn.linear_model import LogisticRegression
with torch.no_grad():
    features = net(x).numpy()
for train, test in KFold(5).split(features):
    print(LogisticRegression().fit(features[train], y[train]).score(features[test], y[test]))
""",
    "an object with a network in each fold": TRAIN + CLASS.replace("self.one(", "Study(0.1).one("),
    "a search that builds": folds(
        "for lr in (0.1, 0.01):",
        body="""
    for train, test in KFold(4).split(x):
        net = build()
        opt = torch.optim.SGD(net.parameters(), lr=lr)
        fit(net, opt, train)
        print(score(net, test))
""",
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert not spoken(code)
