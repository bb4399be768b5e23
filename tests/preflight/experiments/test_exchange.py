"""What is exchanged and what must stay; and why an exchange is not made."""

import pytest

from osler.testing import try_out

LOOP = """
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def model(forward: str, layers: str = "") -> str:
    return f"""
class Model(Net):
    def __init__(self):
        super().__init__()
        {layers or "pass"}

    def forward(self, x):
        {forward}

{LOOP}"""


@pytest.mark.parametrize(
    ("forward", "layers", "answer"),
    [
        ("return super().forward(x - x.mean(0))", "", "yes: exchanging one changes"),
        ("return super().forward(self.norm(x))", "self.norm = nn.BatchNorm1d(8)", "no"),
        (
            "return super().forward(self.norm(x))",
            "self.norm = nn.BatchNorm1d(8, track_running_stats=False)",
            "a normalisation without running statistics mixes samples on purpose",
        ),
        (
            "return super().forward(x) + torch.randn(len(x), 4)",
            "",
            "two evaluations of the same batch differ",
        ),
    ],
    ids=["centred over the batch", "batch norm", "without statistics", "random"],
)
def test_one_sample(forward: str, layers: str, answer: str) -> None:
    (told,) = try_out(model(forward, layers), "exchange-one-sample").experiments
    assert (told.answer or told.skipped).startswith(answer)


@pytest.mark.parametrize(
    ("layers", "answer"),
    [
        ("nn.init.zeros_(self.head.weight)", "yes"),
        ("self.requires_grad_(False); self.head.bias.requires_grad_()", "yes"),
    ],
    ids=["head starts at zero", "frozen"],
)
def test_all_inputs(layers: str, answer: str) -> None:
    (told,) = try_out(model("return super().forward(x)", layers), "exchange-all-inputs").experiments
    assert told.answer == answer


SAME = "no output changes with a neighbour in the place of a sample"
NAMED = """
class Model(Net):
    def forward(self, features=None, labels=None):
        logits = super().forward({features})
        return {{"loss": loss_fn(logits, labels), "logits": logits}}

model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        model(features=x, labels=y)["loss"].backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("features", "one", "everything"),
    [
        ("features", "no", "yes"),
        ("features - features.mean(0)", "yes: exchanging one changes", "yes"),
        ("features * 0", "", "no: exchanging all samples changes nothing"),
    ],
)
def test_a_model_that_is_given_its_batch_by_name_and_returns_its_loss_first(
    features: str, one: str, everything: str
) -> None:
    code = NAMED.format(features=features)
    told = {a.name: a for a in try_out(code, "exchange-one-sample", "exchange-all-inputs").experiments}
    answer = told["exchange-one-sample"]
    assert answer.answer.startswith(one) if one else answer.skipped == SAME
    assert told["exchange-all-inputs"].answer == everything


LANGUAGE = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.letter = nn.Embedding(20, 16)
        self.gru = nn.GRU(16, 8 * {ways}, batch_first=True)
        self.back = nn.GRU(16, 8, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 20)

    def forward(self, input_ids=None, labels=None):
        vectors = self.letter(input_ids)
        logits = self.head({hidden})
        labels = F.pad(labels, (0, 1), value=-100)[:, 1:]
        return {{"loss": loss_fn(logits.reshape(-1, 20), labels.reshape(-1)), "logits": logits}}

ids = torch.randint(1, 20, (96, 12))
ids[::2, 9:] = 0
labels = ids.masked_fill(ids == 0, -100)
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in DataLoader(TensorDataset(ids, labels), batch_size=16):
        optimizer.zero_grad()
        model(input_ids=x, labels=y)["loss"].backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("hidden", "answer", "checks"),
    [
        ("self.gru(vectors)[0]", "no", []),
        ("self.back(vectors)[0]", "yes: tokens from 6 on change", ["targets-visible-in-inputs"]),
    ],
    ids=["forwards", "both ways"],
)
def test_the_future_of_a_model_that_shifts_its_labels_itself(
    hidden: str, answer: str, checks: list[str]
) -> None:
    diagnosis = try_out(LANGUAGE.format(hidden=hidden, ways=2), "exchange-the-future")
    assert diagnosis.experiments[0].answer.startswith(answer)
    assert [f.check for f in diagnosis.headlines] == checks
