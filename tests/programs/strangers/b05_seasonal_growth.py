"""
Physics-informed network for a growing population with seasonal migration
    u'(t) = r u + m cos(w t),   u(0) = u0,   t in [0, 3]
No data except the initial value; the network is compared with the closed form at the end.
"""
import torch
import torch.nn as nn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)

R, M, W, U0, T_END = 0.6, 1.0, 3.0, 0.5, 3.0


class Field(nn.Module):
    def __init__(self, width=32, depth=3):
        super().__init__()
        layers, d = [], 1
        for _ in range(depth):
            layers += [nn.Linear(d, width), nn.Tanh()]
            d = width
        layers.append(nn.Linear(d, 1))
        self.net = nn.Sequential(*layers)
        for m in self.net:
            if isinstance(m, nn.Linear):
                nn.init.xavier_normal_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, t):
        return self.net(2.0 * t - T_END)


def exact(t):
    q = M / (W ** 2 + R ** 2)
    a, b = -q * R, q * W
    return a * torch.cos(W * t) + b * torch.sin(W * t) + (U0 - a) * torch.exp(R * t)


def derivative(u, t):
    return torch.autograd.grad(u, t, grad_outputs=torch.ones_like(u), retain_graph=True)[0]


def residual(model, t):
    t = t.clone().requires_grad_(True)
    u = model(t)
    du = derivative(u, t)
    return du - R * u - M * torch.cos(W * t)


def collocation(n):
    # stratified points, fresh every step
    edges = torch.arange(n).unsqueeze(1)
    return (edges + torch.rand(n, 1)) / n * T_END


model = Field()
optim = torch.optim.Adam(model.parameters(), lr=5e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.9985)
t0 = torch.zeros(1, 1)

for it in range(2001):
    optim.zero_grad()
    loss_pde = residual(model, collocation(64)).pow(2).mean()
    loss_ic = (model(t0) - U0).pow(2).mean()
    loss = loss_pde + 10.0 * loss_ic
    loss.backward()
    optim.step()
    decay.step()
    if it % 250 == 0:
        print(f"{it:5d}  pde {loss_pde.item():.3e}  ic {loss_ic.item():.3e}")

model.eval()
with torch.no_grad():
    grid = torch.linspace(0, T_END, 241).unsqueeze(1)
    err = model(grid) - exact(grid)
    rel = err.norm() / exact(grid).norm()
print(f"relative L2 error {rel.item():.4f}   max abs error {err.abs().max().item():.4f}")
for tt in (0.0, 1.0, 2.0, 3.0):
    x = torch.tensor([[tt]])
    print(f"  t={tt:.1f}  net {model(x).item():.4f}  exact {exact(x).item():.4f}")
