"""WGAN-GP on a ring of Gaussians with unequal weights."""
import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import autograd, nn, optim

opt = SimpleNamespace(z_dim=4, hidden=96, batch=128, lr=5e-4, betas=(0.5, 0.9), n_critic=4,
                      gp_weight=1.0, iters=600, log_every=100, seed=17)

WEIGHTS = torch.tensor([4.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0])


def sample_real(n):
    k = torch.multinomial(WEIGHTS, n, replacement=True)
    angle = 2 * math.pi * k / len(WEIGHTS)
    centre = torch.stack([angle.cos(), angle.sin()], dim=1) * 2.0
    return centre + 0.08 * torch.randn(n, 2)


def mlp(d_in, d_out, act):
    h = opt.hidden
    return nn.Sequential(nn.Linear(d_in, h), act(), nn.Linear(h, h), act(), nn.Linear(h, h), act(), nn.Linear(h, d_out))


def gradient_penalty(critic, real, fake):
    alpha = torch.rand(real.size(0), 1)
    mix = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    score = critic(mix)
    grads = autograd.grad(outputs=score, inputs=mix, grad_outputs=torch.ones_like(score))[0]
    return ((grads.norm(2, dim=1) - 1) ** 2).mean()


def energy_distance(a, b):
    d = torch.cdist
    return (2 * d(a, b).mean() - d(a, a).mean() - d(b, b).mean()).item()


def mode_histogram(x):
    """Share of samples that fall near each of the eight modes, and the share near none."""
    k = torch.arange(len(WEIGHTS))
    centres = 2.0 * torch.stack([(2 * math.pi * k / 8).cos(), (2 * math.pi * k / 8).sin()], dim=1)
    dist, idx = torch.cdist(x, centres).min(1)
    near = dist < 0.4
    share = torch.bincount(idx[near], minlength=8).float() / len(x)
    return share, 1 - near.float().mean().item()


def main():
    torch.manual_seed(opt.seed)
    np.random.seed(opt.seed)
    gen = mlp(opt.z_dim, 2, nn.ReLU)
    critic = mlp(2, 1, nn.SiLU)
    opt_g = optim.Adam(gen.parameters(), lr=opt.lr, betas=opt.betas)
    opt_c = optim.Adam(critic.parameters(), lr=opt.lr, betas=opt.betas)

    for it in range(1, opt.iters + 1):
        # ---- critic
        for _ in range(opt.n_critic):
            real = sample_real(opt.batch)
            with torch.no_grad():
                fake = gen(torch.randn(opt.batch, opt.z_dim))
            gp = gradient_penalty(critic, real, fake)
            loss_c = critic(fake).mean() - critic(real).mean() + opt.gp_weight * gp
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()
        # ---- generator
        critic.requires_grad_(False)
        loss_g = -critic(gen(torch.randn(opt.batch, opt.z_dim))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        critic.requires_grad_(True)

        if it % opt.log_every == 0:
            with torch.no_grad():
                fake = gen(torch.randn(1500, opt.z_dim))
                ed = energy_distance(fake, sample_real(1500))
            print(f"[{it:4d}/{opt.iters}] loss_C {loss_c.item():8.3f}  loss_G {loss_g.item():8.3f}  energy dist {ed:.4f}")

    gen.eval()
    with torch.no_grad():
        fake = gen(torch.randn(4000, opt.z_dim))
        share, outside = mode_histogram(fake)
    target = WEIGHTS / WEIGHTS.sum()
    print("mode   target  generated")
    for i, (a, b) in enumerate(zip(target.tolist(), share.tolist())):
        print(f"  {i}    {a:.3f}   {b:.3f}")
    print(f"total variation {0.5 * ((share - target).abs().sum().item() + outside):.3f}, off-mode {outside:.3f}")
    print(f"final energy distance {energy_distance(fake, sample_real(4000)):.4f}")


if __name__ == "__main__":
    main()
