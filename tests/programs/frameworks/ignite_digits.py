"""Digits with Ignite: a supervised trainer, evaluators on both sets after each epoch, a schedule as a handler."""

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import LRScheduler
from ignite.metrics import Accuracy, Loss
from ignite.utils import manual_seed
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)
        )

    def forward(self, x):
        return self.model(x)


def get_data_loaders(train_batch_size=32, val_batch_size=128):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(5))
    train, val = order[:1440], order[1440:]
    train_loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=train_batch_size, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[val], y[val]), batch_size=val_batch_size)
    return train_loader, val_loader


def run(epochs=6, lr=0.05):
    manual_seed(11)
    train_loader, val_loader = get_data_loaders()
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    criterion = nn.CrossEntropyLoss()

    trainer = create_supervised_trainer(model, optimizer, criterion, device="cpu")
    metrics = {"accuracy": Accuracy(), "loss": Loss(criterion)}
    train_evaluator = create_supervised_evaluator(model, metrics=metrics, device="cpu")
    val_evaluator = create_supervised_evaluator(model, metrics=metrics, device="cpu")
    scheduler = LRScheduler(torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.3))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, scheduler)

    @trainer.on(Events.ITERATION_COMPLETED(every=15))
    def log_training_loss(engine):
        print(f"epoch {engine.state.epoch} iteration {engine.state.iteration} loss {engine.state.output:.3f}")

    @trainer.on(Events.EPOCH_COMPLETED)
    def log_results(engine):
        train_evaluator.run(train_loader)
        val_evaluator.run(val_loader)
        print(f"train accuracy {train_evaluator.state.metrics['accuracy']:.3f}")
        print(f"val accuracy {val_evaluator.state.metrics['accuracy']:.3f}")

    trainer.run(train_loader, max_epochs=epochs)


if __name__ == "__main__":
    run()
