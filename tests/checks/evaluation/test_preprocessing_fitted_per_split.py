"""Preparations that are learned anew from held-out data, and programs that only look as if they were."""

import pytest

from osler.checks.evaluation.preprocessing_fitted_per_split import check
from osler.model import Severity
from osler.testing import read

HEAD = """
import glob, os, random
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from collections import Counter, defaultdict
from pathlib import Path
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import *
from sklearn.model_selection import *
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import *
from torch.utils.data import Dataset
"""

LOOP = """
net = nn.Linear(8, 2)
opt = torch.optim.Adam(net.parameters())
for epoch in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(net(torch.tensor(x_train).float()), torch.tensor(y_train))
    loss.backward()
    opt.step()
"""

AFTER = """
with torch.no_grad():
    print((net(torch.tensor(x_test).float()).argmax(1) == torch.tensor(y_test)).float().mean())
"""

SPLIT = "x_train, x_test, y_train, y_test = train_test_split(x, y)\n"


def program(lines: str, split: str = SPLIT) -> str:
    """Two parts of a table, what is done to them, a training and a test."""
    return HEAD + split + lines + LOOP + AFTER


def datasets(
    init: str,
    made: str = "train_set, test_set = Rows(train_rows), Rows(test_rows)",
    given: str = "rows",
    more: str = "",
) -> str:
    """A dataset that is made for both parts, its codes looked up in a table."""
    body = "\n".join(f"        {line}" for line in init.splitlines())
    return f"""{HEAD}
class Rows(Dataset):
    def __init__(self, {given}):
{body}

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, i):
        return self.codes[i], self.y[i]
{more}
{made}
net = nn.Sequential(nn.Embedding(100, 8), nn.Linear(8, 2))
opt = torch.optim.Adam(net.parameters())
for codes, y in DataLoader(train_set, batch_size=16, shuffle=True):
    opt.zero_grad()
    F.cross_entropy(net(codes), y).backward()
    opt.step()
with torch.no_grad():
    for codes, y in DataLoader(test_set):
        print((net(codes).argmax(1) == y).float().mean())
"""


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


ANEW = (
    "scaler = StandardScaler()\nx_train = scaler.fit_transform(x_train)\n"
    "x_test = scaler.fit_transform(x_test)\n"
)
BY_HAND = (
    "x_train = (x_train - x_train.mean(0)) / x_train.std(0)\n"
    "x_test = (x_test - x_test.mean(0)) / x_test.std(0)\n"
)
CODES = """names = [r[0] for r in rows]
self.clubs, codes = np.unique(names, return_inverse=True)
self.codes = torch.from_numpy(codes).long()
self.y = torch.tensor([r[1] for r in rows])"""
VOCABULARY = """words = sorted({w for r in rows for w in r[0]})
self.vocab = {w: i for i, w in enumerate(words)}
self.codes = [torch.tensor([self.vocab[w] for w in r[0]]) for r in rows]
self.y = torch.tensor([r[1] for r in rows])"""


def test_says_what_is_fitted_anew() -> None:
    code = program(ANEW)
    line = code.splitlines().index("x_test = scaler.fit_transform(x_test)")
    (found,) = read(code, [check]).findings
    before = found.place.line - 1
    assert (
        found.message == f"`StandardScaler` is fitted on `x_test` anew; line {before} did so with `x_train`."
    )
    assert line >= 0
    assert found.severity is Severity.WARNING
    assert [(r.place.line, r.label) for r in found.related] == [
        (before, "it is learned from the training data here")
    ]
    assert found.expected == "what is learned from the training part prepares every part"
    assert found.why == (
        "The same number means something else in both parts: the model is asked another question than it has "
        "learned to answer."
    )
    assert found.fix == (
        "Take it from the training part alone and hand it over: `transform` in place of `fit_transform`, the "
        "mean and deviation, the vocabulary or the codes of the training data."
    )


def test_says_which_scale_is_taken_anew() -> None:
    (found,) = read(program(BY_HAND), [check]).findings
    before = found.place.line - 1
    assert (
        found.message
        == f"mean and deviation are taken of `x_test` anew; line {before} did so with `x_train`."
    )


def test_says_which_class_learns_of_what_it_is_given() -> None:
    code = datasets(CODES, "train_set = Rows(train_rows)\ntest_set = Rows(test_rows)")
    (found,) = read(code, [check]).findings
    assert found.message == (
        "`np.unique` numbers the values of what `Rows` is given, for `train_set` and anew for `test_set`."
    )
    assert found.place.function == "__init__"
    assert [r.label for r in found.related] == ["called for training here", "called for held-out data here"]


def test_says_what_a_loop_does_to_both() -> None:
    lines = "for part in (x_train, x_test):\n    part[:] = StandardScaler().fit_transform(part)\n"
    assert told(program(lines)) == ["`StandardScaler` is fitted on `x_train`, and `x_test` anew."]


HITS = {
    "two scalers": program(
        "x_train = StandardScaler().fit_transform(x_train)\nx_test = StandardScaler().fit_transform(x_test)\n"
    ),
    "fit, then transform": program(
        "s = MinMaxScaler()\ns.fit(x_train)\nx_train = s.transform(x_train)\n"
        "s.fit(x_test)\nx_test = s.transform(x_test)\n"
    ),
    "in one line": program(
        "x_train = RobustScaler().fit(x_train).transform(x_train)\n"
        "x_test = RobustScaler().fit(x_test).transform(x_test)\n"
    ),
    "a pipeline": program(
        "p = make_pipeline(StandardScaler(), PCA(8))\nx_train = p.fit_transform(x_train)\n"
        "x_test = p.fit_transform(x_test)\n"
    ),
    "other names": program(
        "a = PCA(8).fit_transform(a)\nb = PCA(8).fit_transform(b)\nx_train, x_test = a, b\n",
        "a, b, y_train, y_test = train_test_split(x, y)\n",
    ),
    "texts": program(
        "v = TfidfVectorizer(max_features=8)\nx_train = v.fit_transform(train_texts).toarray()\n"
        "x_test = v.fit_transform(test_texts).toarray()\n"
    ),
    "columns in a loop": program(
        "for col in ['city', 'job']:\n    train[col] = LabelEncoder().fit_transform(train[col])\n"
        "    test[col] = LabelEncoder().fit_transform(test[col])\n"
        "x_train, x_test = train.to_numpy(), test.to_numpy()\n"
    ),
    "each fold": HEAD
    + "for train, held in KFold(5).split(x):\n    x_train = StandardScaler().fit_transform(x[train])\n"
    "    x_test = StandardScaler().fit_transform(x[held])\n    y_train, y_test = y[train], y[held]\n"
    + LOOP.replace("\n", "\n    ")
    + AFTER.replace("\n", "\n    "),
    "slices": program(
        "x_train = StandardScaler().fit_transform(x[:80])\nx_test = StandardScaler().fit_transform(x[80:])\n",
        "y_train, y_test = y[:80], y[80:]\n",
    ),
    "a function returns both": program(
        "x_train, x_test = prepare(x)\n", "y_train, y_test = y[:80], y[80:]\n"
    ).replace(
        "x_train, x_test = prep",
        "def prepare(x):\n    a, b = train_test_split(x)\n    s = StandardScaler()\n"
        "    a = s.fit_transform(a)\n"
        "    b = s.fit_transform(b)\n    return a, b\nx_train, x_test = prep",
    ),
    "by hand": program(BY_HAND),
    "by hand, with names": program(
        "m, s = x_train.mean(axis=0), x_train.std(axis=0) + 1e-8\nx_train = (x_train - m) / s\n"
        "m, s = x_test.mean(axis=0), x_test.std(axis=0) + 1e-8\nx_test = (x_test - m) / s\n"
    ),
    "by hand, in steps": program(
        "x_train -= x_train.mean(0)\nx_train /= x_train.std(0)\nx_test -= x_test.mean(0)\n"
        "x_test /= x_test.std(0)\n"
    ),
    "the range": program(
        "x_train = (x_train - x_train.min(0)) / (x_train.max(0) - x_train.min(0))\n"
        "x_test = (x_test - x_test.min(0)) / (x_test.max(0) - x_test.min(0))\n"
    ),
    "a function that scales": program(
        "def scaled(x):\n    mean, std = x.mean(axis=0), x.std(axis=0)\n    return (x - mean) / std\n"
        "x_train, x_test = scaled(x_train), scaled(x_test)\n"
    ),
    "a function that reads a part": program(
        "def load(split):\n    data = np.load(f'{split}.npz')\n"
        "    x = StandardScaler().fit_transform(data['x'])\n"
        "    return x, data['y']\nx_train, y_train = load('train')\nx_test, y_test = load('test')\n",
        "",
    ),
    "a flag": program(
        "def load(train):\n    data = pd.read_csv('a.csv' if train else 'b.csv')\n"
        "    data['x'] = data['x'].astype('category').cat.codes\n    return data.to_numpy(), data['y']\n"
        "emb = nn.Embedding(9, 8)\n"
        "x_train, y_train = load(train=True)\nx_test, y_test = load(train=False)\n",
        "",
    ),
    "codes": datasets(CODES),
    "a vocabulary": datasets(VOCABULARY),
    "a vocabulary that grows": datasets(
        "self.vocab = {'<pad>': 0}\nfor r in rows:\n    for w in r[0]:\n        if w not in self.vocab:\n"
        "            self.vocab[w] = len(self.vocab)\nself.codes = [self.encode(r) for r in rows]\n"
        "self.y = rows"
    ),
    "setdefault": datasets(
        "vocab = {}\nself.codes = [[vocab.setdefault(w, len(vocab)) for w in r[0]] for r in rows]\n"
        "self.y = rows"
    ),
    "in a method": datasets("self.rows = rows\nself.build()\nself.y = rows").replace(
        "    def __len__",
        "    def build(self):\n"
        "        v = {w: i for i, w in enumerate(sorted(set(r[0] for r in self.rows)))}\n"
        "        self.codes = [v[r[0]] for r in self.rows]\n\n    def __len__",
        1,
    ),
    "a vocabulary that is not handed over": datasets(
        "if vocab is None:\n    vocab = {w: i for i, w in enumerate(sorted(set(r[0] for r in rows)))}\n"
        "self.vocab = vocab\nself.codes = [vocab[r[0]] for r in rows]\nself.y = rows",
        given="rows, vocab=None",
    ),
    "one step further": datasets(
        CODES,
        "def make(split):\n    rows = read(split)\n    return Rows(rows)\n"
        "train_set, test_set = make('train'), make('test')",
    ),
    "factorize": datasets(
        "self.codes = torch.tensor(pd.factorize(rows['club'])[0])\nself.y = rows['y']",
        "train_set = Rows(table[table.year < 2020])\ntest_set = Rows(table[table.year >= 2020])",
    ),
    "each part in a dict": datasets(
        CODES, "parts = {s: Rows(read(s)) for s in ('train', 'test')}\ntrain_set, test_set = parts.values()"
    ),
}


@pytest.mark.parametrize("code", HITS.values(), ids=HITS.keys())
def test_is_found(code: str) -> None:
    (found,) = read(code, [check]).findings
    assert found.severity is Severity.WARNING


HINTS = {
    "one number of everything": program(BY_HAND.replace("(0)", "()")),
    "classes in their order": program(
        "le = LabelEncoder()\ny_train = le.fit_transform(y_train)\ny_test = le.fit_transform(y_test)\n"
    ),
    "classes of a dataset": datasets(
        "labels = [r[1] for r in rows]\nself.index = {c: i for i, c in enumerate(sorted(set(labels)))}\n"
        "self.y = [self.index[c] for c in labels]\nself.codes = [r[0] for r in rows]"
    ),
}


@pytest.mark.parametrize("code", HINTS.values(), ids=HINTS.keys())
def test_is_a_hint(code: str) -> None:
    (found,) = read(code, [check]).findings
    assert found.severity is Severity.HINT


SILENT = {
    "transform": program(ANEW.replace("fit_transform(x_test)", "transform(x_test)")),
    "fit once": program(
        "s = StandardScaler().fit(x_train)\nx_train, x_test = s.transform(x_train), s.transform(x_test)\n"
    ),
    "refitted on both for the last model": program(
        "s = StandardScaler()\na = s.fit_transform(x_train)\nb = s.transform(x_test)\n"
        "x_train = s.fit_transform(np.concatenate([x_train, x_test]))\n"
    ),
    "both ways compared": program(
        "s = StandardScaler().fit(x_train)\nx_plain = s.transform(x_test)\nx_train = s.transform(x_train)\n"
        "x_own = StandardScaler().fit_transform(x_test)\nprint(net(torch.tensor(x_own)))\n"
    ),
    "each fold": HEAD + "for train, held in KFold(5).split(x):\n    s = StandardScaler()\n"
    "    x_train = s.fit_transform(x[train])\n"
    "    x_test = s.transform(x[held])\n    y_train, y_test = y[train], y[held]\n"
    + LOOP.replace("\n", "\n    ")
    + AFTER.replace("\n", "\n    "),
    "labels of everything": program("y = LabelEncoder().fit_transform(y)\n" + SPLIT, ""),
    "other columns": program(
        "s = StandardScaler()\na_train = s.fit_transform(train['age'])\n"
        "b_test = s.fit_transform(test['income'])\n"
        "x_test = b_test\n"
    ),
    "inputs and targets": program(
        "x_train = StandardScaler().fit_transform(x_train)\ny_test = StandardScaler().fit_transform(y_test)\n"
    ),
    "targets there and back": program("s = StandardScaler()\ny_train = s.fit_transform(y_train)\n", SPLIT)
    + "print(s.inverse_transform(net(torch.tensor(x_test))))\n",
    "a picture of both": program(
        "a = PCA(2).fit_transform(x_train)\nb = PCA(2).fit_transform(x_test)\n"
        "plt.scatter(a[:, 0], a[:, 1])\nplt.scatter(b[:, 0], b[:, 1])\n"
    ),
    "a picture of the features": program("") + "z_train = PCA(2).fit_transform(net(x_train).numpy())\n"
    "z_test = PCA(2).fit_transform(net(x_test).numpy())\n"
    "plt.plot(*z_test.T)\n",
    "fitted to be looked at": program(
        "p = PCA(2).fit(x_train)\nq = PCA(2).fit(x_test)\nprint(p.components_ - q.components_)\n"
    ),
    "each sample": program(
        "x_train = (x_train - x_train.mean(1, keepdims=True)) / x_train.std(1, keepdims=True)\n"
        "x_test = (x_test - x_test.mean(1, keepdims=True)) / x_test.std(1, keepdims=True)\n"
    ),
    "each sample, in a function": program(
        "def scaled(x):\n    return (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)\n"
        "x_train, x_test = scaled(x_train), scaled(x_test)\n"
    ),
    "each recording": program(
        "def scaled(x):\n    return (x - x.mean(0)) / x.std(0)\n"
        "x_train = np.stack([scaled(r) for r in train_runs])\n"
        "x_test = np.stack([scaled(r) for r in test_runs])\n"
    ),
    "each recording, a scaler": program(
        "x_train = np.stack([StandardScaler().fit_transform(r) for r in train_runs])\n"
        "x_test = np.stack([StandardScaler().fit_transform(r) for r in test_runs])\n"
    ),
    "each user": program(
        "for u in users:\n    x_train[u] = StandardScaler().fit_transform(x_train[u])\n"
        "    x_test[u] = StandardScaler().fit_transform(x_test[u])\n"
    ),
    "a domain": program(
        "x_train = StandardScaler().fit_transform(source_train)\n"
        "x_test = StandardScaler().fit_transform(target_test)\n"
    ),
    "a site of its own": program(
        "def scaled(x):\n    return (x - x.mean(0)) / x.std(0)\n"
        "x_train, x_test = scaled(site_a_train), scaled(site_b_test)\n"
    ),
    "with the numbers of the training part": program(
        "m, s = x_train.mean(0), x_train.std(0)\nx_train = (x_train - m) / s\nx_test = (x_test - m) / s\n"
    ),
    "numbers handed over": program(
        "def scaled(x, mean=None, std=None):\n    if mean is None:\n        mean, std = x.mean(0), x.std(0)\n"
        "    return (x - mean) / std, mean, std\n"
        "x_train, mean, std = scaled(x_train)\nx_test, _, _ = scaled(x_test, mean, std)\n"
    ),
    "a scaler handed over": program(
        "def scaled(x, scaler=None):\n    if scaler is None:\n        scaler = StandardScaler()\n"
        "        scaler.fit(x)\n    return scaler.transform(x), scaler\n"
        "x_train, scaler = scaled(x_train)\nx_test, _ = scaled(x_test, scaler)\n"
    ),
    "fitted in training alone": program(
        "class Table:\n    def scaled(self, x, train):\n        if train:\n            self.scaler.fit(x)\n"
        "        return self.scaler.transform(x)\n"
        "def scaled(x, train, scaler=StandardScaler()):\n    if train:\n        scaler.fit(x)\n"
        "    return scaler.transform(x)\n"
        "x_train, x_test = scaled(x_train, True), scaled(x_test, False)\n"
    ),
    "scaled before it is cut": program(
        "def load(split):\n    x = np.load('x.npy')\n    x = (x - x.mean(0)) / x.std(0)\n"
        "    return x[:80] if split == 'train' else x[80:]\n"
        "x_train, x_test = load('train'), load('test')\n"
    ),
    "a score": program(
        "def explained(y, p):\n    return 1 - ((y - p) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()\n"
    )
    + "print(explained(y_train, net(x_train)))\nprint(explained(y_test, net(x_test)))\n",
    "a correlation": program(
        "def related(y, p):\n    y = (y - y.mean(0)) / y.std(0)\n    p = (p - p.mean(0)) / p.std(0)\n"
        "    return (y * p).mean()\n"
    )
    + "r_train, r_test = related(y_train, net(x_train)), related(y_test, net(x_test))\n"
    "print(r_train, r_test)\n",
    "made-up data": program(
        "def make(count, seed):\n    x = np.random.default_rng(seed).normal(size=(count, 8))\n"
        "    return (x - x.mean(0)) / x.std(0)\n"
        "x_train, x_test = make(100, seed=0), make(50, seed=1)\n"
    ),
    "batches": program(
        "def scaled(x):\n    return (x - x.mean(0)) / x.std(0)\n"
        "for x_train in loader:\n    print(net(scaled(x_train)))\nfor x_test in loader:\n"
        "    print(net(scaled(x_test)))\n"
    ),
    "how many there are": program(
        "for part, y in (('train', y_train), ('test', y_test)):\n"
        "    print(part, np.unique(y, return_counts=True))\n"
    ),
    "weights of the classes": program(
        "def weights(y):\n    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)\n"
        "    return torch.tensor(1 / counts[codes])\n"
        "w_train, w_test = weights(y_train), weights(y_test)\n"
    ),
    "a vocabulary handed over": datasets(
        "self.vocab = vocab or {w: i for i, w in enumerate(sorted(set(r[0] for r in rows)))}\n"
        "self.codes = [self.vocab[r[0]] for r in rows]\nself.y = rows",
        "train_set = Rows(train_rows)\ntest_set = Rows(test_rows, vocab=train_set.vocab)",
        "rows, vocab=None",
    ),
    "a vocabulary that always comes from outside": datasets(
        "self.codes = [vocab[r[0]] for r in rows]\nself.y = rows",
        "vocab = {w: i for i, w in enumerate(sorted({r[0] for r in train_rows}))}\n"
        "train_set, test_set = Rows(train_rows, vocab), Rows(test_rows, vocab)",
        "rows, vocab",
    ),
    "put in afterwards": datasets(
        VOCABULARY,
        "train_set, test_set = Rows(train_rows), Rows(test_rows)\ntest_set.vocab = train_set.vocab",
    ),
    "codes of all rows": datasets(
        "table = pd.read_csv('a.csv')\ntable['club'] = pd.factorize(table['club'])[0]\n"
        "part = table[table.split == split]\nself.codes = torch.tensor(part['club'])\nself.y = part['y']",
        "train_set, test_set = Rows('train'), Rows('test')",
        "split",
    ),
    "one dict for all": datasets(
        "self.codes = [VOCABULARY.setdefault(r[0], len(VOCABULARY)) for r in rows]\nself.y = rows",
        "train_set, test_set = Rows(train_rows), Rows(test_rows)",
    ).replace("class Rows", "VOCABULARY = {}\nclass Rows"),
    "a fixed list": datasets(
        "index = {c: i for i, c in enumerate(CLUBS)}\nself.codes = [index[r[0]] for r in rows]\nself.y = rows"
    ),
    "letters": datasets("self.codes = [torch.tensor([ord(c) for c in r[0]]) for r in rows]\nself.y = rows"),
    "folders": datasets(
        "labels = sorted({p.parent.name for p in Path(rows).glob('*/*.png')})\n"
        "self.index = {c: i for i, c in enumerate(labels)}\nself.y = [self.index[n] for n in names]\n"
        "self.codes = names",
        "train_set, test_set = Rows('data/train'), Rows('data/test')",
    ),
    "nodes of a graph": datasets(
        "nodes = sorted({n for r in rows for n in r})\nindex = {n: i for i, n in enumerate(nodes)}\n"
        "self.edge_index = torch.tensor([[index[a], index[b]] for a, b in rows])\n"
        "self.codes = self.y = self.edge_index"
    ),
    "groups of rows": datasets(
        "_, group = np.unique([r[0] for r in rows], return_inverse=True)\n"
        "self.codes = torch.zeros(9).index_add(0, torch.tensor(group), values)\nself.y = rows"
    ),
    "positions of samples": datasets(
        "self.where = {name: i for i, name in enumerate(r[0] for r in rows)}\nself.codes = rows\n"
        "self.y = rows"
    ),
    "in each access": datasets(
        "self.codes = rows\nself.y = rows",
    ).replace(
        "return self.codes[i], self.y[i]",
        "x = self.codes[i]\n        return (x - x.mean(0)) / x.std(0), self.y[i]",
    ),
    "for training alone": datasets(CODES, "train_set = Rows(train_rows)\ntest_set = load_test()"),
    "a way with learned numbers": program(
        "def load(split):\n    x = np.load(f'{split}.npy')\n    if split == 'test':\n"
        "        return (x - np.load('mean.npy')) / np.load('std.npy')\n"
        "    m, s = x.mean(0), x.std(0)\n    np.save('mean.npy', m)\n    return (x - m) / s\n"
        "x_train, x_test = load('train'), load('test')\n"
    ),
    "no training": HEAD + SPLIT + ANEW + "print(torch.tensor(x_test))\n",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_is_silent(code: str) -> None:
    assert told(code) == []


def test_near_misses_outnumber_hits() -> None:
    assert len(SILENT) > len(HITS)
