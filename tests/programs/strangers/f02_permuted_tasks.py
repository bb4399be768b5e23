# Elastic weight consolidation on three permuted-pixel versions of the digits.
import logging
import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
log = logging.getLogger("ewc")

SEED = 11
N_TASKS = 3
EPOCHS = 12
BATCH = 32
LR = 2e-3
EWC_LAMBDA = 400.0


def make_tasks():
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype(np.float32)
    xtr, xte, ytr, yte = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SEED)
    rng = np.random.default_rng(SEED)
    tasks = []
    for t in range(N_TASKS):
        perm = np.arange(64) if t == 0 else rng.permutation(64)
        tasks.append((
            TensorDataset(torch.from_numpy(xtr[:, perm]), torch.from_numpy(ytr)),
            TensorDataset(torch.from_numpy(xte[:, perm]), torch.from_numpy(yte)),
        ))
    return tasks


class Net(nn.Module):
    def __init__(self, hidden=128):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.out(x)


class EWC:
    """Quadratic penalty around the solutions of the tasks seen so far."""

    def __init__(self, model):
        self.model = model
        self.anchors = []

    def fisher(self, dataset, n_samples=300):
        self.model.eval()
        out = {n: torch.zeros_like(p) for n, p in self.model.named_parameters()}
        idx = torch.randperm(len(dataset))[:n_samples]
        for i in idx.tolist():
            x, _ = dataset[i]
            self.model.zero_grad()
            logp = F.log_softmax(self.model(x.unsqueeze(0)), dim=1)
            label = torch.multinomial(logp.exp().detach(), 1).squeeze(1)
            F.nll_loss(logp, label).backward()
            for n, p in self.model.named_parameters():
                out[n] += p.grad.detach() ** 2 / n_samples
        self.model.zero_grad()
        return out

    def consolidate(self, dataset):
        fisher = self.fisher(dataset)
        optimum = {n: p.data for n, p in self.model.named_parameters()}
        self.anchors.append((fisher, optimum))

    def penalty(self):
        loss = torch.zeros(())
        for fisher, optimum in self.anchors:
            for n, p in self.model.named_parameters():
                loss = loss + (fisher[n] * (p - optimum[n]) ** 2).sum()
        return loss


@torch.no_grad()
def accuracy(model, dataset):
    model.eval()
    x, y = dataset.tensors
    return (model(x).argmax(1) == y).float().mean().item()


def train_task(model, ewc, dataset):
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    opt = torch.optim.Adam(model.parameters(), lr=LR)
    for epoch in range(EPOCHS):
        model.train()
        running, seen = 0.0, 0
        for x, y in loader:
            opt.zero_grad()
            ce = F.cross_entropy(model(x), y)
            loss = ce + 0.5 * EWC_LAMBDA * ewc.penalty()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            running += ce.item() * len(y)
            seen += len(y)
        if epoch % 4 == 3:
            log.info("    epoch %2d  cross entropy %.4f", epoch + 1, running / seen)


def main():
    torch.manual_seed(SEED)
    start = time.time()
    tasks = make_tasks()
    model = Net()
    ewc = EWC(model)
    history = []
    for t, (train_set, _) in enumerate(tasks):
        log.info("task %d", t)
        train_task(model, ewc, train_set)
        ewc.consolidate(train_set)
        row = [accuracy(model, test) for _, test in tasks[: t + 1]]
        history.append(row)
        log.info("    accuracy on tasks so far: %s", "  ".join(f"{a:.3f}" for a in row))
    final = history[-1]
    forgetting = np.mean([history[t][t] - final[t] for t in range(N_TASKS - 1)])
    log.info("average accuracy %.3f   average forgetting %.3f   (%.1f s)",
             np.mean(final), forgetting, time.time() - start)


if __name__ == "__main__":
    main()
