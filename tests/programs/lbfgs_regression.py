"""Fits the diabetes progression with L-BFGS, in four folds of a cross-validation.

The model is the sum of a linear and a small non-linear part, its output is made
positive, and the error is the squared difference of logarithms plus an L2 term.
Everything is full batch: rows are taken by index, there is no loader.
"""
import torch
from sklearn.datasets import load_diabetes

torch.manual_seed(19)
torch.set_default_dtype(torch.float64)

FOLDS = 4
ROUNDS = 15
STRENGTH = 1e-2


class Progression(torch.nn.Module):
    """Positive prediction from a linear part and a layer of tanh units."""

    def __init__(self, columns, units=6):
        super().__init__()
        self.linear = torch.nn.Parameter(0.01 * torch.randn(columns))
        self.inward = torch.nn.Parameter(torch.randn(columns, units) / columns**0.5)
        self.shift = torch.nn.Parameter(torch.zeros(units))
        self.outward = torch.nn.Parameter(0.1 * torch.randn(units))
        self.level = torch.nn.Parameter(torch.zeros(()))

    def penalty(self):
        return self.linear.square().sum() + self.inward.square().sum() + self.outward.square().sum()

    def forward(self, rows):
        curved = torch.tanh(rows @ self.inward + self.shift) @ self.outward
        score = rows @ self.linear + curved + self.level
        return torch.nn.functional.softplus(score) + 1e-6


def squared_log_error(prediction, target):
    return (torch.log(prediction) - torch.log(target)).square().mean()


def explained(model, rows, target):
    """Share of the variance that the model explains."""
    with torch.no_grad():
        prediction = model(rows)
        rest = (target - prediction).square().sum()
        return 1 - (rest / (target - target.mean()).square().sum()).item()


def standardised(rows, train):
    """Columns scaled by what the training rows look like."""
    return (rows - rows[train].mean(dim=0)) / rows[train].std(dim=0)


def fit_fold(number, rows, target, train, test):
    rows = standardised(rows, train)
    target = target / target[train].mean()
    model = Progression(rows.shape[1])
    solver = torch.optim.LBFGS(model.parameters(), lr=0.8, max_iter=4, history_size=8)
    x_train, y_train = rows[train], target[train]
    evaluations = 0

    def closure():
        nonlocal evaluations
        evaluations += 1
        solver.zero_grad()
        data_term = squared_log_error(model(x_train), y_train)
        objective = data_term + STRENGTH * model.penalty()
        objective.backward()
        return objective

    for turn in range(ROUNDS):
        objective = solver.step(closure)
        if turn == 0 or turn % 5 == 4:
            print(
                f"fold {number} round {turn + 1:2d}  objective {objective.item():.5f}  "
                f"train {explained(model, x_train, y_train):.4f}  test {explained(model, rows[test], target[test]):.4f}"
            )
    print(f"fold {number} took {evaluations} evaluations")
    return explained(model, rows[test], target[test])


data = load_diabetes(scaled=False)
features = torch.tensor(data.data)
progression = torch.tensor(data.target)
shuffled = torch.randperm(len(features))

scores = []
for number in range(FOLDS):
    is_test = torch.zeros(len(features), dtype=torch.bool)
    is_test[shuffled[number::FOLDS]] = True
    train_rows, test_rows = torch.where(~is_test)[0], torch.where(is_test)[0]
    scores.append(fit_fold(number, features, progression, train_rows, test_rows))

print("explained variance on unseen rows:", " ".join(f"{s:.3f}" for s in scores), f"mean {sum(scores) / FOLDS:.3f}")
