"""Statistics that are computed from data before the data are split."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.static.fitting import fits_before_splits, whole
from osler.static.sources import parse


def fits(text: str) -> list[tuple[str, str]]:
    source = parse(Path("/home/user/data.py"), f"import sklearn\n{dedent(text)}".encode())
    assert not source.problem
    return [(f.by, f.data) for f in fits_before_splits(source)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x", "x"),
        ("self.x", "self.x"),
        ("table.values", "table"),
        ("table[['a', 'b']]", "table"),
        ("table['a']", "table"),
        ("table[columns]", "table"),
        ("x[:, 1:]", "x"),
        ("x.reshape(-1, 1).astype(float)", "x"),
        ("x[rows]", ""),
        ("x[:100]", ""),
        ("x[1:, :]", ""),
        ("load(x)", ""),
    ],
)
def test_what_stands_for_all_samples(text: str, name: str) -> None:
    assert whole(ast.parse(text, mode="eval").body) == name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = PCA().fit_transform(x)\ntrain_test_split(x)", [("PCA", "x")]),
        ("s = PCA()\ns.fit(x)\nz = s.transform(x)\nrandom_split(z, [1, 2])", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\nw = torch.tensor(z)\ntrain_test_split(w)", [("PCA", "x")]),
        ("if a:\n    x = PCA().fit_transform(x)\ntrain_test_split(x)", [("PCA", "x")]),
        ("x -= x.mean(0)\ntrain_test_split(x)", [("mean", "x")]),
        ("m = x.mean()\nx = x - m\ntrain_test_split(x)", [("mean", "x")]),
        ("x = PCA().fit_transform(x)\nfor a, b in folds.split(x):\n    pass", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\ntrain, test = z[:n], z[n:]", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\ntrain_x = z[:n]\ntest_x = z[n - 5 :]", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\na, b = z[:n], z[n:]", []),
        ("z = PCA().fit_transform(x)\ntrain, test = z[:n], z[m:]", []),
        ("z = PCA().fit_transform(x)\nz = load()\ntrain_test_split(z)", []),
        ("z = PCA().fit_transform(x_train)\ntrain_test_split(z)", []),
        ("z = PCA().fit_transform(x)\ntrain_test_split(len(z), z.shape)", []),
        ("s = PCA()\nz = s.fit_transform(x)\nt = s.transform(x_test)\ntrain_test_split(z)", []),
        ("x = x - x.mean(1)\ntrain_test_split(x)", []),
        ("x = x - x.mean(axis=axis)\ntrain_test_split(x)", []),
        ("x = y - x.mean()\ntrain_test_split(x)", []),
        ("def f(x):\n    x = PCA().fit_transform(x)\ntrain_test_split(x)", []),
    ],
)
def test_fits_before_splits(text: str, found: list[tuple[str, str]]) -> None:
    assert fits(text) == found


def test_files_without_data_are_passed_over() -> None:
    source = parse(Path("/home/user/net.py"), b"x = x - x.mean()\nfor a, b in x.split(2):\n    pass\n")
    assert list(fits_before_splits(source)) == []


HEALTHY = [
    "a, b = train_test_split(x)\ns = PCA()\na = s.fit_transform(a)\nb = s.transform(b)",
    "x_train, x_test = train_test_split(x)\ns = StandardScaler().fit(x_train)\nx_test = s.transform(x_test)",
    "tr, te = random_split(d, [1, 2])\nm = torch.stack([x for x, _ in tr]).mean(0)",
    "x = x / 255\ntrain_test_split(x)",
    "x = (x - 0.5) / 0.5\ntrain_test_split(x)",
    "x = x - x.mean(1, keepdims=True)\ntrain_test_split(x)",
    "x = x / x.max(axis=1, keepdims=True)\ntrain_test_split(x)",
    "x = x / x.sum(0)\ntrain_test_split(x)",
    "x = (x - x.mean(axis=(1, 2))) / x.std(axis=(1, 2))\ntrain_test_split(x)",
    "y = y - y.min()\ntrain_test_split(x, y)",
    "x = x / x.max()\ntrain_test_split(x)",
    "y = LabelEncoder().fit_transform(y)\ntrain_test_split(x, y)",
    "y = OneHotEncoder().fit_transform(y)\ntrain_test_split(x, y)",
    "v = CountVectorizer()\nx = v.fit_transform(texts)\ntrain_test_split(x)",
    "for a, b in KFold(5).split(x):\n    s = StandardScaler()\n    xa = s.fit_transform(x[a])\n"
    "    xb = s.transform(x[b])",
    "for i, (a, b) in enumerate(KFold(5).split(x)):\n    s = StandardScaler().fit(x[a])",
    "for a, b in text.split(':'):\n    pass\nx = x - x.mean()",
    "a, b = train_test_split(np.arange(len(x)))\nm, s = x[a].mean(0), x[a].std(0)\nx = (x - m) / s",
    "a, b = train_test_split(range(len(x)))\nm = x[a].mean(0)\nx -= m",
    "n = int(0.8 * len(x))\nm, s = x[:n].mean(0), x[:n].std(0)\nx = (x - m) / s\ntrain, test = x[:n], x[n:]",
    "n = int(0.8 * len(x))\nx_train, x_test = x[:n], x[n:]\nm = x_train.mean(0)\nx_train -= m\nx_test -= m",
    "train = x[:n]\ntest = x[n:]\ns = StandardScaler()\ntrain = s.fit_transform(train)\n"
    "test = s.transform(test)",
    "s = StandardScaler()\ntrain_test_split(x)\ns.fit(z)",
    "print(x.mean(), x.std())\ntrain_test_split(x)",
    "m = x.mean()\nprint(m)\ntrain_test_split(x)",
    "log(f'{x.mean()}')\ntrain_test_split(x)",
    "x = x.fillna(0)\ntrain_test_split(x)",
    "x = x.fillna(x.mean())\ntrain_test_split(x)",
    "df['a'] = df['a'].fillna(df['a'].median())\ntrain_test_split(df)",
    "df = df[df.a > df.a.mean()]\ntrain_test_split(df)",
    "x = x[np.abs(x - x.mean()) < 3 * x.std()]\ntrain_test_split(x)",
    "w = 1 / y.mean()\ntrain_test_split(x, y)",
    "y = (y > y.mean()).astype(int)\ntrain_test_split(x, y)",
    "z = PCA(2).fit_transform(x)\nplot(z)\ntrain_test_split(x)",
    "z = PCA(2).fit_transform(x)\nplt.scatter(z[:, 0], z[:, 1])\na, b = train_test_split(x)",
    "def fit(train):\n    return StandardScaler().fit(train)\ntrain, test = train_test_split(x)\n"
    "s = fit(train)",
    "class P:\n    def fit(self, x):\n        self.m = x.mean(0)\n    def split(self, x):\n"
    "        return train_test_split(x)",
    "class P:\n    def __call__(self, x):\n        return (x - x.mean()) / x.std()\n"
    "a, b = train_test_split(x)",
    "norm = lambda x: (x - x.mean()) / x.std()\na, b = train_test_split(x)\na = norm(a)",
    "def norm(x):\n    return (x - x.mean()) / x.std()\na, b = train_test_split(x)\na = norm(a)",
    "def per_sample(x):\n    x = (x - x.mean()) / x.std()\n    return x\n"
    "d = [per_sample(v) for v in data]\na, b = random_split(d, [1, 2])",
    "loss = losses.mean()\nlosses -= loss\ntrain_test_split(x)",
    "adv = (adv - adv.mean()) / adv.std()\ntrain_test_split(x)",
    "x = make(100)\nx = (x - x.mean(0)) / x.std(0)\ny = f(x)\nloader = DataLoader(TensorDataset(x, y))",
    "x_train = PCA().fit_transform(x_train)\nx_train, x_val = train_test_split(x_train)",
    "train = (train - train.mean()) / train.std()\ntrain, val = random_split(train, [1, 2])",
    "words, tags = line.split()\nx = x - x.mean()",
    "a, b = torch.split(x, 5)\nx = x - x.mean()",
    "q, k, v = qkv.split(d, dim=-1)\nq = q - q.mean()",
    "x = x - x.mean()\nq, k = x.split(4)",
    "x = x - x.mean(0)\nfor a, b in np.split(x, 2):\n    pass",
    "x = x - x.mean(0)\nfor key, value in x.split(','):\n    pass",
    "pipe = make_pipeline(StandardScaler(), Ridge())\ntrain_test_split(x)\npipe.fit(x_train)",
    "pipe = Pipeline([('s', StandardScaler())])\npipe.fit(x)\ntrain_test_split(x)",
    "s = StandardScaler()\ns.fit(reference)\nx = s.transform(x)\ntrain_test_split(x)",
    "m = np.load('mean.npy')\nx = x - m\ntrain_test_split(x)",
    "x = (x - MEAN) / STD\ntrain_test_split(x)",
    "x = x.clip(x.min(), x.max())\ntrain_test_split(x)",
    "lo, hi = x.min(), x.max()\ngrid = np.linspace(lo, hi)\ntrain_test_split(x)",
    "t = t - t.min()\ntrain_test_split(x, t)",
    "t = t - t[0]\ntrain_test_split(x, t)",
    "x = np.log1p(x)\ntrain_test_split(x)",
    "x = x.rolling(5).mean()\ntrain_test_split(x)",
    "x = x.groupby('user').mean()\ntrain_test_split(x)",
    "x['m'] = x.groupby('u')['v'].transform('mean')\ntrain_test_split(x)",
    "x = x.mean(0)\ntrain_test_split(z)",
    "x = x.mean(axis=0)\nx = x - 1\ntrain_test_split(x)",
    "if args.debug:\n    x = x - x.mean()\nelse:\n    train_test_split(x)",
]


@pytest.mark.parametrize("text", HEALTHY)
def test_what_needs_no_split_or_comes_behind_it(text: str) -> None:
    assert fits(text) == []


LEAK = ("x = StandardScaler().fit_transform(x)\n", "train_test_split(x)")


@pytest.mark.parametrize(
    "text",
    [
        "{}{}",
        "{}a, b = {}",
        "{}print(x.shape)\n{}",
        "{}x = x.astype('float32')\n{}",
        "{}x = torch.from_numpy(x).float()\n{}",
        "{}if n:\n    {}",
        "if n:\n    {}{}".replace("{}{}", "{}    {}"),
        "{}else_ = 1\nfor k in range(3):\n    {}",
        "{}with lock:\n    {}",
        "{}try:\n    {}\nexcept E:\n    pass",
        "if n:\n    y = 1\nelse:\n    {}{}",
    ],
)
def test_between_the_fit_and_the_split(text: str) -> None:
    assert fits(text.format(*LEAK)) == [("StandardScaler", "x")]


@pytest.mark.parametrize(
    "between",
    [
        "x = load()\n",
        "x = x_train\n",
        "x, y = load()\n",
        "def f(x):\n    pass\n",
    ],
)
def test_the_name_stands_for_something_else_when_it_is_split(between: str) -> None:
    found = fits(between.join(LEAK))
    assert found == ([("StandardScaler", "x")] if "def" in between else [])


@pytest.mark.parametrize(
    ("fitted", "found"),
    [
        ("x", True),
        ("x[:, 1:]", True),
        ("x.values", True),
        ("x.reshape(-1, 1)", True),
        ("x[columns]", True),
        ("x[['a', 'b']]", True),
        ("x_train", False),
        ("train", False),
        ("x[:100]", False),
        ("x[is_train]", False),
        ("reference", False),
        ("load('reference.npy')", False),
    ],
)
@pytest.mark.parametrize("scaler", ["StandardScaler()", "MinMaxScaler()", "PCA(8)", "SimpleImputer()"])
def test_what_a_scaler_is_fitted_on(scaler: str, fitted: str, found: bool) -> None:
    text = f"s = {scaler}\ns.fit({fitted})\nx = s.transform(x)\ntrain_test_split(x)"
    assert [by for by, _ in fits(text)] == [scaler.partition("(")[0]] * found


FOLDS = """
for fold, (tr, va) in enumerate(folds.split(x, y)):
    s = StandardScaler().fit(x[tr])
    train(s.transform(x[tr]))
    print(score(s.transform(x[va])))
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FOLDS + "s = StandardScaler().fit(x)\ntrain(s.transform(x))", False),
        (FOLDS + "s = StandardScaler().fit(x)\ntrain(s.transform(x))\nscore(s.transform(x[va]))", True),
        (FOLDS.replace(".fit(x[tr])", ".fit(x)"), True),
        (FOLDS.replace("enumerate(folds.split(x, y))", "folds.split(x)"), False),
        (
            "a, b = train_test_split(x)\nrun(a, b)\ns = StandardScaler()\nx = s.fit_transform(x)\nrun(x)",
            False,
        ),
        ("a, b = train_test_split(x)\ns = StandardScaler()\ns.fit(x)\nrun(s.transform(a))", True),
    ],
    ids=["last model", "and scored", "in the loop", "by fold", "split again by hand", "before use"],
)
def test_after_the_split_all_data_may_be_wanted_for_a_last_model(text: str, found: bool) -> None:
    assert bool(fits(text)) == found


@pytest.mark.parametrize(
    "scaler", ["LabelEncoder()", "OneHotEncoder()", "CountVectorizer()", "Own()", "make()"]
)
def test_classes_that_learn_no_numbers_of_samples(scaler: str) -> None:
    assert fits(f"x = {scaler}.fit_transform(x)\ntrain_test_split(x)") == []


@given(
    st.lists(
        st.sampled_from(
            [line for text in HEALTHY for line in text.splitlines() if line[0] != " " and line[-1] != ":"]
        )
    )
)
def test_nothing_raises_whatever_comes_first(lines: list[str]) -> None:
    assert all(data for _, data in fits("\n".join(lines)))
