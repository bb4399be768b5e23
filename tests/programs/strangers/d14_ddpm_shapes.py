"""Denoising diffusion for 2-d point clouds, lucidrains flavoured."""
import math
from collections import namedtuple

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn
from torch.optim import Adam

ModelPrediction = namedtuple('ModelPrediction', ['pred_noise', 'pred_x_start'])

# helpers


def exists(x):
    return x is not None


def default(val, d):
    if exists(val):
        return val
    return d() if callable(d) else d


def extract(a, t, x_shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(x_shape) - 1)))


def cosine_beta_schedule(timesteps, s=0.008):
    t = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64) / timesteps
    alphas_cumprod = torch.cos((t + s) / (1 + s) * math.pi * 0.5) ** 2
    alphas_cumprod = alphas_cumprod / alphas_cumprod[0]
    return (1 - alphas_cumprod[1:] / alphas_cumprod[:-1]).clamp(0, 0.999)


# small network


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim, theta=1000):
        super().__init__()
        self.dim, self.theta = dim, theta

    def forward(self, t):
        half = self.dim // 2
        freqs = torch.exp(torch.arange(half) * -(math.log(self.theta) / (half - 1)))
        emb = t[:, None].float() * freqs[None, :]
        return torch.cat((emb.sin(), emb.cos()), dim=-1)


class Block(nn.Module):
    def __init__(self, dim, time_dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.to_scale_shift = nn.Linear(time_dim, dim * 2)
        self.net = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, x, t_emb):
        scale, shift = self.to_scale_shift(t_emb).chunk(2, dim=-1)
        return x + self.net(self.norm(x) * (scale + 1) + shift)


class Denoiser(nn.Module):
    def __init__(self, dim=96, depth=3):
        super().__init__()
        self.time_mlp = nn.Sequential(SinusoidalPosEmb(32), nn.Linear(32, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.proj_in = nn.Linear(2, dim)
        self.blocks = nn.ModuleList([Block(dim, dim) for _ in range(depth)])
        self.proj_out = nn.Linear(dim, 2)

    def forward(self, x, t):
        t_emb = self.time_mlp(t)
        h = self.proj_in(x)
        for block in self.blocks:
            h = block(h, t_emb)
        return self.proj_out(h)


# gaussian diffusion


class GaussianDiffusion(nn.Module):
    def __init__(self, model, timesteps=100):
        super().__init__()
        self.model = model
        self.num_timesteps = timesteps
        betas = cosine_beta_schedule(timesteps)
        alphas = 1. - betas
        alphas_cumprod = torch.cumprod(alphas, dim=0)
        alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.)
        register = lambda name, val: self.register_buffer(name, val.to(torch.float32))
        register('sqrt_alphas_cumprod', alphas_cumprod.sqrt())
        register('sqrt_one_minus_alphas_cumprod', (1. - alphas_cumprod).sqrt())
        register('sqrt_recip_alphas_cumprod', (1. / alphas_cumprod).sqrt())
        register('sqrt_recipm1_alphas_cumprod', (1. / alphas_cumprod - 1).sqrt())
        posterior_variance = betas * (1. - alphas_cumprod_prev) / (1. - alphas_cumprod)
        register('posterior_log_variance_clipped', posterior_variance.clamp(min=1e-20).log())
        register('posterior_mean_coef1', betas * alphas_cumprod_prev.sqrt() / (1. - alphas_cumprod))
        register('posterior_mean_coef2', (1. - alphas_cumprod_prev) * alphas.sqrt() / (1. - alphas_cumprod))

    def model_predictions(self, x, t):
        pred_noise = self.model(x, t)
        x_start = (extract(self.sqrt_recip_alphas_cumprod, t, x.shape) * x -
                   extract(self.sqrt_recipm1_alphas_cumprod, t, x.shape) * pred_noise)
        return ModelPrediction(pred_noise, x_start.clamp(-3., 3.))

    @torch.no_grad()
    def p_sample(self, x, t):
        batched = torch.full((x.shape[0],), t, dtype=torch.long)
        x_start = self.model_predictions(x, batched).pred_x_start
        mean = (extract(self.posterior_mean_coef1, batched, x.shape) * x_start +
                extract(self.posterior_mean_coef2, batched, x.shape) * x)
        log_var = extract(self.posterior_log_variance_clipped, batched, x.shape)
        noise = torch.randn_like(x) if t > 0 else 0.
        return mean + (0.5 * log_var).exp() * noise

    @torch.no_grad()
    def sample(self, n):
        x = torch.randn(n, 2)
        for t in reversed(range(self.num_timesteps)):
            x = self.p_sample(x, t)
        return x

    def q_sample(self, x_start, t, noise=None):
        noise = default(noise, lambda: torch.randn_like(x_start))
        return (extract(self.sqrt_alphas_cumprod, t, x_start.shape) * x_start +
                extract(self.sqrt_one_minus_alphas_cumprod, t, x_start.shape) * noise)

    def p_losses(self, x_start, t, noise=None):
        noise = default(noise, lambda: torch.randn_like(x_start))
        x = self.q_sample(x_start, t)
        return F.mse_loss(self.model(x, t), noise)

    def forward(self, x, *args, **kwargs):
        t = torch.randint(0, self.num_timesteps, (x.shape[0],)).long()
        return self.p_losses(x, t, *args, **kwargs)


class EMA:
    def __init__(self, module, beta=0.995):
        self.beta = beta
        self.shadow = {k: v.detach().clone() for k, v in module.named_parameters()}

    @torch.no_grad()
    def update(self, module):
        for k, v in module.named_parameters():
            self.shadow[k].lerp_(v, 1 - self.beta)

    @torch.no_grad()
    def copy_to(self, module):
        for k, v in module.named_parameters():
            v.copy_(self.shadow[k])


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


if __name__ == '__main__':
    torch.manual_seed(8)
    points = torch.tensor(make_moons(6000, noise=0.05, random_state=8)[0], dtype=torch.float32)
    train, held_out = points[:4000], points[4000:]
    mean, std = train.mean(0), train.std(0)
    train, held_out = (train - mean) / std, (held_out - mean) / std

    diffusion = GaussianDiffusion(Denoiser(), timesteps=100)
    opt = Adam(diffusion.parameters(), lr=2e-3, betas=(0.9, 0.99))
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=2000)
    ema = EMA(diffusion)
    print(f'gaussian baseline energy distance {energy_distance(torch.randn(2000, 2), held_out):.4f}')

    running = 0.
    for step in range(1, 2001):
        batch = train[torch.randint(0, len(train), (128,))]
        loss = diffusion(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        opt.step()
        opt.zero_grad()
        sched.step()
        ema.update(diffusion)
        running += loss.item()
        if step % 250 == 0:
            print(f'{step}: loss {running / 250:.4f}')
            running = 0.

    ema.copy_to(diffusion)
    samples = diffusion.sample(2000)
    nearest = torch.cdist(samples, held_out).min(dim=1).values
    print(f'energy distance {energy_distance(samples, held_out):.4f}')
    print(f'mean distance to the nearest held-out point {nearest.mean():.4f}')
