"""Soft mixture of experts for a function with several regimes."""
import torch
from torch import nn, Tensor
from torch.utils.data import DataLoader, TensorDataset, random_split


def regimes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 4, generator=g) * 4 - 2
    a, b, c, d = x.T
    y = torch.where(a > 0,
                    torch.where(b > 0, 2 * c - d, c * d),
                    torch.where(b > 0, torch.sin(3 * c) + 1.5, -1.5 - 0.5 * d ** 2))
    return x, y.unsqueeze(1) + 0.05 * torch.randn(n, 1, generator=g)


class Expert(nn.Module):
    def __init__(self, d_in: int, d_hidden: int):
        super().__init__()
        self.up = nn.Linear(d_in, d_hidden)
        self.down = nn.Linear(d_hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(x)))


class Router(nn.Module):
    def __init__(self, d_in: int, n_experts: int):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(d_in, 32), nn.ReLU(), nn.Linear(32, n_experts))
        self.norm = nn.Softmax(dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.score(x))


class MixtureOfExperts(nn.Module):
    def __init__(self, d_in: int, n_experts: int = 6, d_hidden: int = 24):
        super().__init__()
        self.router = Router(d_in, n_experts)
        self.experts = nn.ModuleList(Expert(d_in, d_hidden) for _ in range(n_experts))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.router(x)                                        # (N, E)
        outputs = torch.stack([e(x) for e in self.experts], dim=1)      # (N, E, 1)
        return (weights.unsqueeze(-1) * outputs).sum(dim=1)


class Trainer:
    def __init__(self, model: nn.Module, lr: float, epochs: int):
        self.model, self.epochs = model, epochs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)
        self.criterion = nn.MSELoss()

    def fit(self, train: DataLoader, val: DataLoader) -> None:
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            total = 0.0
            for x, y in train:
                loss = self.criterion(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(x)
            self.scheduler.step()
            if epoch % 5 == 0:
                print(f"epoch {epoch:2d}  train mse {total / len(train.dataset):.4f}  val r2 {self.r2(val):.4f}")

    @torch.no_grad()
    def r2(self, loader: DataLoader) -> float:
        self.model.eval()
        pred = torch.cat([self.model(x) for x, _ in loader])
        true = torch.cat([y for _, y in loader])
        return (1 - (pred - true).pow(2).sum() / (true - true.mean()).pow(2).sum()).item()


def main() -> None:
    torch.manual_seed(21)
    full = TensorDataset(*regimes(4000, seed=21))
    train, val = random_split(full, [3400, 600])
    test = TensorDataset(*regimes(1000, seed=22))
    x_train = full.tensors[0][train.indices]
    full.tensors[0].sub_(x_train.mean(0)).div_(s := x_train.std(0))
    test.tensors[0].sub_(x_train.mean(0)).div_(s)

    trainer = Trainer(MixtureOfExperts(4), lr=4e-3, epochs=30)
    trainer.fit(DataLoader(train, batch_size=64, shuffle=True, drop_last=True), DataLoader(val, batch_size=300))
    print(f"test r2 {trainer.r2(DataLoader(test, batch_size=500)):.4f}")


if __name__ == "__main__":
    main()
