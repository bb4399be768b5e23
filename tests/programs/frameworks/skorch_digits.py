"""Digits with skorch: a module in a scikit-learn pipeline, fitted with a held-out part of its own, then scored."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn


class DigitsModule(nn.Module):
    def __init__(self, num_units=64, dropout=0.3):
        super().__init__()
        self.dense0 = nn.Linear(64, num_units)
        self.dropout = nn.Dropout(dropout)
        self.dense1 = nn.Linear(num_units, num_units)
        self.output = nn.Linear(num_units, 10)

    def forward(self, X):
        X = torch.relu(self.dense0(X))
        X = self.dropout(X)
        X = torch.relu(self.dense1(X))
        return self.output(X)


def main():
    torch.manual_seed(0)
    np.random.seed(0)
    X, y = load_digits(return_X_y=True)
    X, y = X.astype(np.float32), y.astype(np.int64)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
    net = NeuralNetClassifier(
        DigitsModule,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=8,
        lr=2e-3,
        batch_size=32,
        iterator_train__shuffle=True,
    )
    pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
    pipe.fit(X_train, y_train)
    print(f"test accuracy {pipe.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
