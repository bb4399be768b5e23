"""Model-agnostic meta-learning by hand: from ten points of a sine wave to the whole wave in two gradient steps."""

import math

import torch
import torch.nn.functional as F

INNER_LR, INNER_STEPS, TASKS, SHOTS = 0.03, 2, 5, 10
ITERATIONS = 200


class Waves:
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low, high, *shape):
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def task(self):
        amplitude, phase = self.uniform(0.5, 3.0, 1), self.uniform(0.0, math.pi, 1)
        x = self.uniform(-4, 4, 2 * SHOTS, 1)
        y = amplitude * torch.sin(x + phase)
        return x[:SHOTS], y[:SHOTS], x[SHOTS:], y[SHOTS:]


class Regressor(torch.nn.Module):
    """Runs on its own weights, or on weights that are handed in."""

    def __init__(self, width=40):
        super().__init__()
        self.layers = torch.nn.ModuleList(
            [torch.nn.Linear(1, width), torch.nn.Linear(width, width), torch.nn.Linear(width, 1)]
        )

    def forward(self, x, weights=None):
        weights = list(self.parameters()) if weights is None else weights
        for i in range(0, len(weights), 2):
            x = F.linear(x, weights[i], weights[i + 1])
            if i < len(weights) - 2:
                x = torch.relu(x)
        return x


def adapt(net, x, y, create_graph):
    fast = list(net.parameters())
    for _ in range(INNER_STEPS):
        loss = F.mse_loss(net(x, fast), y)
        gradients = torch.autograd.grad(loss, fast, create_graph=create_graph)
        fast = [w - INNER_LR * g for w, g in zip(fast, gradients)]
    return fast


def meta_test(net, tasks):
    before = after = 0.0
    for x, y, x_query, y_query in tasks:
        with torch.no_grad():
            before += F.mse_loss(net(x_query), y_query).item()
        fast = adapt(net, x, y, create_graph=False)  # needs gradients, also at the test
        with torch.no_grad():
            after += F.mse_loss(net(x_query, fast), y_query).item()
    return before / len(tasks), after / len(tasks)


if __name__ == "__main__":
    torch.manual_seed(19)
    waves = Waves(seed=19)
    held_out = [waves.task() for _ in range(40)]
    net = Regressor()
    meta_optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    print("iteration 0: before {:.3f} adapted {:.3f}".format(*meta_test(net, held_out)))
    for iteration in range(1, ITERATIONS + 1):
        meta_optimizer.zero_grad()
        meta_loss = 0.0
        for _ in range(TASKS):
            x, y, x_query, y_query = waves.task()
            fast = adapt(net, x, y, create_graph=True)
            task_loss = F.mse_loss(net(x_query, fast), y_query) / TASKS
            task_loss.backward()
            meta_loss += task_loss.item()
        meta_optimizer.step()
        if iteration % 50 == 0:
            before, after = meta_test(net, held_out)
            print(f"iteration {iteration}: meta loss {meta_loss:.3f} before {before:.3f} adapted {after:.3f}")
