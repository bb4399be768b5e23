"""Trains a convolutional network with an auxiliary classifier on the 8x8 digits.

Gradients of several small batches are accumulated before each update, clipped
by their norm, and the last window of an epoch, which may be shorter, is
averaged over the batches it really has.
"""
import argparse
import itertools
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


@dataclass
class Settings:
    batch_size: int = 32
    window: int = 4
    epochs: int = 5
    learning_rate: float = 4e-3
    max_norm: float = 2.0
    auxiliary_weight: float = 0.3
    seed: int = 11


class Block(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class DigitNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 12, kernel_size=3, padding=1)
        self.blocks = nn.ModuleList([Block(12, 16), Block(16, 24)])
        self.pool = nn.MaxPool2d(2)
        self.auxiliary = nn.Linear(16 * 4 * 4, classes)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(24 * 2 * 2, classes))

    def forward(self, images):
        x = torch.relu(self.stem(images))
        early = self.pool(self.blocks[0](x))
        late = self.pool(self.blocks[1](early))
        return self.classifier(late), self.auxiliary(early.flatten(1))


class Trainer:
    def __init__(self, model, train_set, test_set, settings):
        self.model = model
        self.settings = settings
        self.loader = DataLoader(train_set, batch_size=settings.batch_size, shuffle=True, drop_last=True)
        self.test_loader = DataLoader(test_set, batch_size=200)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
        self.updates_per_epoch = -(-len(self.loader) // settings.window)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=self.updates_per_epoch * settings.epochs, eta_min=1e-4
        )
        self.updates = 0

    def update(self):
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_norm)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        self.updates += 1

    def train_epoch(self):
        self.model.train()
        running, seen = 0.0, 0
        batches = iter(self.loader)
        while window := list(itertools.islice(batches, self.settings.window)):
            for images, labels in window:
                logits, early_logits = self.model(images)
                main_loss = self.criterion(logits, labels)
                auxiliary_loss = self.criterion(early_logits, labels)
                loss = main_loss + self.settings.auxiliary_weight * auxiliary_loss
                (loss / len(window)).backward()
                running += loss.item() * len(labels)
                seen += len(labels)
            self.update()
        return running / seen

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        correct, loss_sum, count = 0, 0.0, 0
        for images, labels in self.test_loader:
            logits, _ = self.model(images)
            loss_sum += self.criterion(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
        return loss_sum / count, correct / count

    def fit(self):
        self.optimizer.zero_grad()
        for epoch in range(self.settings.epochs):
            train_loss = self.train_epoch()
            test_loss, accuracy = self.evaluate()
            print(
                f"epoch {epoch}: train loss {train_loss:.4f}, test loss {test_loss:.4f}, "
                f"accuracy {accuracy:.4f}, {self.updates} updates"
            )


def digit_sets(seed):
    digits = load_digits()
    images = torch.from_numpy(digits.images).float().unsqueeze(1) / 8 - 1
    labels = torch.from_numpy(digits.target).long()
    return random_split(TensorDataset(images, labels), [0.75, 0.25], torch.Generator().manual_seed(seed))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--window", type=int, default=Settings.window)
    arguments = parser.parse_args()
    settings = Settings(epochs=arguments.epochs, window=arguments.window)
    torch.manual_seed(settings.seed)
    train_set, test_set = digit_sets(settings.seed)
    Trainer(DigitNet(), train_set, test_set, settings).fit()


if __name__ == "__main__":
    main()
