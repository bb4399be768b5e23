"""
Transfer on the digits set: pre-train on the classes 0-4, then learn 5-9 from 12
labelled images per class.

The fine-tuning Trainer starts with the body frozen, releases one stage after the
other with a smaller learning rate each, and leaves the batch-norm statistics of
the pre-trained body alone throughout.  Half way through it is thrown away and
rebuilt from its checkpoint on disk.
"""
import copy
import os
import tempfile
from typing import Dict, List

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F


def stage(cin: int, cout: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False),
                         nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([stage(1, 16, 1), stage(16, 32, 2), stage(32, 32, 1)])

    def forward(self, x: Tensor) -> Tensor:
        for s in self.stages:
            x = s(x)
        return F.adaptive_avg_pool2d(x, 2).flatten(1)


class Classifier(nn.Module):
    def __init__(self, body: Body, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@torch.inference_mode()
def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> Dict[str, float]:
    mode = model.training
    model.eval()
    out = model(x)
    model.train(mode)
    return {"loss": F.cross_entropy(out, y).item(), "acc": (out.argmax(1) == y).float().mean().item()}


class FineTuner:
    RELEASE = {15: 2, 25: 1, 35: 0}              # epoch -> stage that starts to learn
    RATES = {2: 1e-3, 1: 4e-4, 0: 2e-4}

    def __init__(self, body: Body, data: Dict[str, Tensor], batch: int = 10, lr: float = 3e-3) -> None:
        self.model = Classifier(body, 5)
        self.data, self.batch = data, batch
        self.model.body.requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.model.head.parameters(), lr=lr, weight_decay=1e-3)
        self.released: List[int] = []
        self.epoch, self.best, self.best_state = 0, float("inf"), None

    def release(self, index: int) -> None:
        part = self.model.body.stages[index]
        part.requires_grad_(True)
        self.optimizer.add_param_group({"params": list(part.parameters()), "lr": self.RATES[index]})
        self.released.append(index)

    def run_epoch(self) -> float:
        self.model.head.train()
        self.model.body.eval()
        if self.epoch in self.RELEASE:
            self.release(self.RELEASE[self.epoch])
        x, y = self.data["x_few"], self.data["y_few"]
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.batch):
            dx, dy = torch.randint(-1, 2, (2,)).tolist()
            xb = torch.roll(x[idx], (dx, dy), dims=(2, 3)) + 0.05 * torch.randn_like(x[idx])
            loss = F.cross_entropy(self.model(xb), y[idx], label_smoothing=0.05)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        self.epoch += 1
        return total / len(x)

    def fit(self, until: int) -> None:
        while self.epoch < until:
            train_loss = self.run_epoch()
            val = evaluate(self.model, self.data["x_val"], self.data["y_val"])
            if val["loss"] < self.best:
                self.best, self.best_state = val["loss"], copy.deepcopy(self.model.state_dict())
            if self.epoch % 10 == 0:
                print(f"epoch {self.epoch:3d}  stages learning {self.released}  train {train_loss:.4f}  "
                      f"val loss {val['loss']:.4f} acc {val['acc']:.4f}")

    def save(self, path: str) -> None:
        torch.save({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                    "released": self.released, "epoch": self.epoch, "best": self.best,
                    "best_state": self.best_state, "rng": torch.get_rng_state()}, path)

    @classmethod
    def resume(cls, path: str, data: Dict[str, Tensor]) -> "FineTuner":
        ck = torch.load(path, weights_only=True)
        me = cls(Body(), data)
        for index in ck["released"]:             # same groups in the same order as when saved
            me.release(index)
        me.model.load_state_dict(ck["model"])
        me.optimizer.load_state_dict(ck["optimizer"])
        me.epoch, me.best, me.best_state = ck["epoch"], ck["best"], ck["best_state"]
        torch.set_rng_state(ck["rng"])
        return me


def pretrain(x: Tensor, y: Tensor, epochs: int = 8) -> Body:
    model = Classifier(Body(), 5)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for _ in range(epochs):
        for idx in torch.randperm(len(x)).split(64):
            opt.zero_grad()
            F.cross_entropy(model(x[idx]), y[idx]).backward()
            opt.step()
    return model.body


def main() -> None:
    torch.manual_seed(77)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(y)
    low, high = y < 5, y >= 5
    body = pretrain(x[low], y[low])

    xh, yh = x[high], y[high] - 5
    few = torch.cat([(yh == c).nonzero()[:12, 0] for c in range(5)])
    rest = torch.ones(len(yh), dtype=torch.bool)
    rest[few] = False
    x_val, x_te, y_val, y_te = train_test_split(xh[rest], yh[rest], test_size=0.7, random_state=0, stratify=yh[rest])
    data = {"x_few": xh[few], "y_few": yh[few], "x_val": x_val, "y_val": y_val}

    tuner = FineTuner(body, data)
    print("before:", evaluate(tuner.model, x_te, y_te))
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "half.pt")
        tuner.fit(30)
        tuner.save(path)
        del tuner
        tuner = FineTuner.resume(path, data)
    tuner.fit(60)
    tuner.model.load_state_dict(tuner.best_state)
    print("test:", evaluate(tuner.model, x_te, y_te))


if __name__ == "__main__":
    main()
