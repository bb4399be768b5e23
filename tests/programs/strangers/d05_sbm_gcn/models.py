from abc import ABC, abstractmethod

import torch.nn as nn
import torch.nn.functional as F

from registry import MODELS


class NodeClassifier(nn.Module, ABC):
    def __init__(self, in_dim, hidden, num_classes, dropout=0.5):
        super().__init__()
        self.dropout = dropout
        self.fc1 = nn.Linear(in_dim, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)

    @abstractmethod
    def propagate(self, h, adj):
        ...

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout, training=self.training)
        h = F.relu(self.propagate(self.fc1(x), adj))
        h = F.dropout(h, self.dropout, training=self.training)
        return self.propagate(self.fc2(h), adj)


@MODELS.register('mlp')
class MLP(NodeClassifier):
    def propagate(self, h, adj):
        return h


@MODELS.register('gcn')
class GCN(NodeClassifier):
    def propagate(self, h, adj):
        return adj @ h


@MODELS.register('appnp')
class APPNP(NodeClassifier):
    """Predict then propagate with personalised PageRank."""

    def __init__(self, *args, steps=6, alpha=0.15, **kwargs):
        super().__init__(*args, **kwargs)
        self.steps, self.alpha = steps, alpha

    def propagate(self, h, adj):
        return h

    def forward(self, x, adj):
        z0 = super().forward(x, adj)
        z = z0
        for _ in range(self.steps):
            z = (1 - self.alpha) * (adj @ z) + self.alpha * z0
        return z
