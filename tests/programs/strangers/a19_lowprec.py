import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

DEVICE = "cpu"
CFG = {
    "epochs": 6,
    "batch_size": 32,
    "lr": 0.05,
    "momentum": 0.9,
    "max_grad_norm": 2.0,
    "amp_dtype": torch.bfloat16,
}


class VGGish(nn.Module):
    def __init__(self, widths=(16, 32), classes=10):
        super().__init__()
        c, mods = 1, []
        for w in widths:
            mods += [nn.Conv2d(c, w, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            c = w
        self.features = nn.Sequential(*mods)
        self.classifier = nn.Linear(c * 4, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def build_loaders():
    d = load_digits()
    xa, xb, ya, yb = train_test_split(d.images, d.target, test_size=0.2, random_state=0, stratify=d.target)
    mean, std = xa.mean(), xa.std()

    def make(x, y, shuffle):
        x = torch.tensor((x - mean) / std, dtype=torch.float32).unsqueeze(1)
        return DataLoader(TensorDataset(x, torch.tensor(y)), batch_size=CFG["batch_size"], shuffle=shuffle)

    return make(xa, ya, True), make(xb, yb, False)


def train_step(model, batch, optimizer, scaler):
    x, y = (t.to(DEVICE) for t in batch)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device_type=DEVICE, dtype=CFG["amp_dtype"]):
        logits = model(x)
        loss = F.cross_entropy(logits, y)
    scaler.scale(loss).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CFG["max_grad_norm"])
    scaler.step(optimizer)
    scaler.update()
    return loss.item() * len(y)


@torch.inference_mode()
def evaluate(model, loader):
    model.eval()
    right = 0
    for x, y in loader:
        with torch.autocast(device_type=DEVICE, dtype=CFG["amp_dtype"]):
            out = model(x.to(DEVICE))
        right += (out.float().argmax(1).cpu() == y).sum().item()
    return right / len(loader.dataset)


def main():
    torch.manual_seed(123)
    train_loader, test_loader = build_loaders()
    model = VGGish().to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=CFG["lr"], momentum=CFG["momentum"])
    scaler = torch.amp.GradScaler(DEVICE)
    for epoch in range(CFG["epochs"]):
        t0 = time.time()
        model.train()
        total = sum(train_step(model, b, optimizer, scaler) for b in train_loader)
        print(
            f"epoch {epoch + 1}/{CFG['epochs']}",
            f"loss={total / len(train_loader.dataset):.4f}",
            f"test_acc={evaluate(model, test_loader):.4f}",
            f"{time.time() - t0:.1f}s",
        )


if __name__ == "__main__":
    main()
