import numpy as np
import torch
import torch.nn.functional as F

from nets import Balancer, Shared

N = 24


def scenes(n, seed):
    r = np.random.default_rng(seed)
    yy, xx = np.mgrid[:N, :N]
    img = r.normal(0, 0.12, (n, N, N))
    kind = r.integers(0, 3, n)
    centre = r.uniform(7, N - 7, (n, 2))
    size = r.uniform(3.5, 6.5, n)
    area = np.zeros(n)
    for i in range(n):
        dy, dx = yy - centre[i, 0], xx - centre[i, 1]
        if kind[i] == 0:
            m = dy ** 2 + dx ** 2 < size[i] ** 2
        elif kind[i] == 1:
            m = np.maximum(abs(dy), abs(dx)) < size[i] * 0.9
        else:
            m = (np.minimum(abs(dy), abs(dx)) < 1.2) & (np.maximum(abs(dy), abs(dx)) < size[i])
        img[i] += m
        area[i] = m.sum()
    t = lambda a: torch.tensor(a, dtype=torch.float32)
    return t(img)[:, None], torch.tensor(kind), t(centre / N - 0.5) * 4, t(area / 50 - 1)


def split_losses(out, kind, centre, area):
    k, c, a = out
    return [F.cross_entropy(k, kind), F.mse_loss(c, centre), F.smooth_l1_loss(a, area)]


def report(net, data):
    img, kind, centre, area = data
    net.eval()
    with torch.no_grad():
        k, c, a = net(img)
    net.train()
    acc = (k.argmax(1) == kind).float().mean().item()
    px = ((c - centre) / 4 * N).norm(dim=1).mean().item()
    ar = ((a - area) * 50).abs().mean().item()
    return f"acc {acc:.3f}  centre off by {px:.2f} px  area off by {ar:.1f} px"


def main():
    torch.manual_seed(31)
    train, test = scenes(1000, 310), scenes(250, 311)
    net = Shared()
    balance = Balancer(3)
    trunk = list(net.stem.parameters()) + list(net.last_shared.parameters())
    heads = [p for m in (net.kind, net.centre, net.area) for p in m.parameters()]
    opt_trunk = torch.optim.Adam(trunk, lr=1.5e-3)
    opt_heads = torch.optim.SGD(heads, lr=0.02, momentum=0.9)
    print("untrained:", report(net, test))
    for epoch in range(12):
        tot = np.zeros(3)
        for idx in torch.randperm(1000).split(40):
            batch = [t[idx] for t in train]
            losses = split_losses(net(batch[0]), *batch[1:])
            total = balance(losses, net.last_shared.weight)
            opt_trunk.zero_grad()
            opt_heads.zero_grad()
            # heads learn from the plain losses, the trunk from the balanced sum
            head_grads = torch.autograd.grad(sum(losses), heads, retain_graph=True)
            total.backward(inputs=trunk)
            for p, g in zip(heads, head_grads):
                p.grad = g
            opt_trunk.step()
            opt_heads.step()
            tot += [l.item() * len(idx) for l in losses]
        w = " ".join(f"{v:.2f}" for v in balance.w.tolist())
        print(f"epoch {epoch:2d} losses {np.round(tot / 1000, 3)} weights {w} | {report(net, test)}")


if __name__ == "__main__":
    main()
