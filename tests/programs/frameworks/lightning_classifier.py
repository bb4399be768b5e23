"""Handwritten digits with Lightning: validation, a torchmetrics accuracy, CSV logs, checkpoints, the best one tested."""

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy


class LitDigits(L.LightningModule):
    def __init__(self, hidden=64, lr=1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.model = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 10),
        )
        self.val_accuracy = MulticlassAccuracy(num_classes=10, average="micro")
        self.test_accuracy = MulticlassAccuracy(num_classes=10, average="micro")

    def forward(self, x):
        return self.model(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        loss = F.cross_entropy(logits, y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        loss = F.cross_entropy(logits, y)
        self.val_accuracy(logits, y)
        self.log("val_loss", loss, prog_bar=True)
        self.log("val_acc", self.val_accuracy, prog_bar=True)

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.test_accuracy(self(x), y)
        self.log("test_acc", self.test_accuracy)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def loaders():
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    train, rest = train_test_split(range(len(y)), test_size=0.4, random_state=0, stratify=y)
    val, test = rest[::2], rest[1::2]
    return (
        DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(x[val], y[val]), batch_size=128),
        DataLoader(TensorDataset(x[test], y[test]), batch_size=128),
    )


def main():
    L.seed_everything(7)
    train_loader, val_loader, test_loader = loaders()
    model = LitDigits()
    trainer = L.Trainer(
        max_epochs=6,
        accelerator="cpu",
        logger=CSVLogger("logs"),
        callbacks=[ModelCheckpoint(monitor="val_acc", mode="max")],
        log_every_n_steps=10,
    )
    trainer.fit(model, train_loader, val_loader)
    result = trainer.test(model, test_loader, ckpt_path="best")
    print(f"test accuracy {result[0]['test_acc']:.3f}")


if __name__ == "__main__":
    main()
