# Residual network on the digits with mixup and stochastic weight averaging; the averaged network's BatchNorm is
# recomputed at the end with update_bn.
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS, SWA_START = 8, 5


def conv_bn(a, b, stride=1):
    return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b))


class BasicBlock(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.main = nn.Sequential(conv_bn(a, b, stride), nn.ReLU(), conv_bn(b, b))
        self.short = nn.Identity() if a == b and stride == 1 else nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

    def forward(self, x):
        return torch.relu(self.main(x) + self.short(x))


def resnet():
    return nn.Sequential(
        conv_bn(1, 8), nn.ReLU(), BasicBlock(8, 8, 1), BasicBlock(8, 16, 2), BasicBlock(16, 24, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )


def mixup(x, y, alpha=0.2):
    lam = torch.distributions.Beta(alpha, alpha).sample()
    partner = torch.randperm(len(x))
    soft = nn.functional.one_hot(y, 10).float()
    return lam * x + (1 - lam) * x[partner], lam * soft + (1 - lam) * soft[partner]


def accuracy(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum()
    return (hits / len(loader.dataset)).item()


torch.manual_seed(8)
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train_set = TensorDataset(x[order[:1350]], y[order[:1350]])
test_set = TensorDataset(x[order[1350:]], y[order[1350:]])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

model = resnet()
swa_model = AveragedModel(model)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
swa_scheduler = SWALR(optimizer, swa_lr=0.03, anneal_epochs=2)

for epoch in range(EPOCHS):
    model.train()
    mean_loss = 0.0
    for x, y in train_loader:
        x, soft = mixup(x, y)
        optimizer.zero_grad()
        loss = loss_fn(model(x), soft)
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() / len(train_loader)
    if epoch >= SWA_START:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
    print(f"{epoch} loss {mean_loss:.3f} lr {optimizer.param_groups[0]['lr']:.3f} accuracy {accuracy(model, test_loader):.3f}")

print(f"averaged, stale statistics: {accuracy(swa_model, test_loader):.3f}")
update_bn(train_loader, swa_model)
print(f"averaged accuracy {accuracy(swa_model, test_loader):.3f}")
