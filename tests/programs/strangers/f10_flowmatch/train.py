import argparse
from dataclasses import asdict, dataclass

import torch

from net import Ema, VelocityField, sample
from shapes import energy_distance, load


@dataclass
class Settings:
    shape: str = "spirals"
    n: int = 6000
    iters: int = 900
    batch: int = 256
    lr: float = 2e-3
    ema: float = 0.995
    drop_label: float = 0.15
    seed: int = 0


def parse():
    ap = argparse.ArgumentParser()
    for k, v in asdict(Settings()).items():
        ap.add_argument(f"--{k}", type=type(v), default=v)
    return Settings(**vars(ap.parse_args()))


def report(tag, field, x, y):
    per_class = []
    for c in range(2):
        real = x[y == c]
        fake = sample(field, torch.full((len(real),), c))
        per_class.append(energy_distance(fake, real))
    print(f"    {tag:>8}: energy distance per class {per_class[0]:.4f} {per_class[1]:.4f}")


def main():
    cfg = parse()
    print(cfg)
    torch.manual_seed(cfg.seed)
    x, y = load(cfg.shape, cfg.n, cfg.seed)
    xt, yt = load(cfg.shape, 2000, cfg.seed + 1)

    field = VelocityField()
    ema = Ema(field, cfg.ema)
    opt = torch.optim.Adam(field.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, cfg.lr, total_steps=cfg.iters, pct_start=0.05)
    window = []
    for it in range(1, cfg.iters + 1):
        idx = torch.randint(0, len(x), (cfg.batch,))
        x1, c = x[idx], y[idx].clone()
        c[torch.rand(cfg.batch) < cfg.drop_label] = field.classes
        x0 = torch.randn_like(x1)
        t = torch.rand(cfg.batch)
        xt_ = (1 - t[:, None]) * x0 + t[:, None] * x1
        loss = (field(xt_, t, c) - (x1 - x0)).square().sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        ema.update(field)
        window.append(loss.item())
        if it % 150 == 0:
            print(f"iter {it:5d}  loss {sum(window) / len(window):.4f}")
            window.clear()
            if it % 450 == 0:
                report("raw", field, xt, yt)
                report("averaged", ema.model, xt, yt)

    # generated points should fall on the arm they were asked for
    ask = torch.arange(2).repeat(1000)
    got = sample(ema.model, ask)
    nearest = yt[torch.cdist(got, xt).argmin(1)]
    print(f"generated on the requested arm: {(nearest == ask).float().mean():.3f}")
    ref, _ = load(cfg.shape, 2000, cfg.seed + 2)
    print(f"two real samples of this size are {energy_distance(ref, xt):.4f} apart, ours "
          f"{energy_distance(sample(ema.model, yt), xt):.4f}")


if __name__ == "__main__":
    main()
