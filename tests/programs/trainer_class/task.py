"""What is learned from what: the module and its data."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainer import TaskModule


class WineData:
    def __init__(self, batch_size, seed):
        x, y = load_wine(return_X_y=True)
        x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        fit, val, test = order[:96], order[96:130], order[130:]
        mean, std = x[fit].mean(0), x[fit].std(0)
        self.sets = {name: TensorDataset((x[i] - mean) / std, y[i]) for name, i in zip(("fit", "val", "test"), (fit, val, test))}
        self.batch_size = batch_size

    def train_dataloader(self):
        return DataLoader(self.sets["fit"], self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.sets["val"], 50)

    def test_dataloader(self):
        return DataLoader(self.sets["test"], 50)


class WineQuality(TaskModule):
    def __init__(self, width, learning_rate):
        super().__init__()
        self.learning_rate = learning_rate
        self.net = nn.Sequential(
            nn.Linear(13, width), nn.BatchNorm1d(width), nn.ELU(), nn.AlphaDropout(0.1), nn.Linear(width, 3)
        )

    def forward(self, x):
        return self.net(x)

    def _shared(self, batch, stage):
        x, y = batch
        logits = self(x)
        loss = F.cross_entropy(logits, y)
        self.log(f"{stage}_loss", loss)
        self.log(f"{stage}_acc", (logits.argmax(1) == y).float().mean())
        return loss

    def training_step(self, batch, batch_idx):
        return self._shared(batch, "train")

    def validation_step(self, batch, batch_idx):
        self._shared(batch, "val")

    def test_step(self, batch, batch_idx):
        self._shared(batch, "test")

    def configure_optimizers(self):
        optimizer = torch.optim.NAdam(self.parameters(), lr=self.learning_rate)
        return optimizer, torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
