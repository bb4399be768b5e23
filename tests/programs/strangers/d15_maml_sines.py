"""MAML for sine regression with parameters kept in plain dictionaries."""
import argparse
import math
import time

import torch
from torch.func import grad, grad_and_value, vmap

SIZES = (1, 40, 40, 1)


def init_params(sizes, generator):
    params = {}
    for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
        params[f'w{i}'] = torch.randn(a, b, generator=generator) * math.sqrt(2.0 / (a + b))
        params[f'b{i}'] = torch.zeros(b)
    return params


def net(params, x):
    n = len(params) // 2
    for i in range(n):
        x = x @ params[f'w{i}'] + params[f'b{i}']
        if i < n - 1:
            x = torch.tanh(x) if i == 0 else torch.relu(x)
    return x


def mse(params, x, y):
    return ((net(params, x) - y) ** 2).mean()


def tree_map(fn, *trees):
    return {k: fn(*(t[k] for t in trees)) for k in trees[0]}


def adapt(params, x, y, inner_lr, steps):
    for _ in range(steps):
        g = grad(mse)(params, x, y)
        params = tree_map(lambda p, d: p - inner_lr * d, params, g)
    return params


def sample_tasks(n, shots, queries, generator):
    amp = torch.empty(n, 1, 1).uniform_(0.5, 3.0, generator=generator)
    phase = torch.empty(n, 1, 1).uniform_(0.0, math.pi, generator=generator)
    x = torch.empty(n, shots + queries, 1).uniform_(-4.0, 4.0, generator=generator)
    y = amp * torch.sin(x + phase)
    return x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:]


def meta_loss(params, batch, inner_lr, steps):
    def one_task(xs, ys, xq, yq):
        return mse(adapt(params, xs, ys, inner_lr, steps), xq, yq)
    return vmap(one_task)(*batch).mean()


def adam_init(params):
    zeros = lambda p: torch.zeros_like(p)
    return {'m': tree_map(zeros, params), 'v': tree_map(zeros, params), 't': 0}


def adam_update(params, grads, state, lr, b1=0.9, b2=0.999, eps=1e-8):
    t = state['t'] + 1
    m = tree_map(lambda a, g: b1 * a + (1 - b1) * g, state['m'], grads)
    v = tree_map(lambda a, g: b2 * a + (1 - b2) * g * g, state['v'], grads)
    scale = lr * math.sqrt(1 - b2 ** t) / (1 - b1 ** t)
    params = tree_map(lambda p, mi, vi: p - scale * mi / (vi.sqrt() + eps), params, m, v)
    return params, {'m': m, 'v': v, 't': t}


def clip_by_norm(grads, max_norm):
    norm = torch.sqrt(sum((g ** 2).sum() for g in grads.values()))
    factor = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    return tree_map(lambda g: g * factor, grads), norm.item()


def evaluate(params, batch, inner_lr, steps):
    def one_task(xs, ys, xq, yq):
        return mse(params, xq, yq), mse(adapt(params, xs, ys, inner_lr, steps), xq, yq)
    before, after = vmap(one_task)(*batch)
    return before.mean().item(), after.mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--iters', type=int, default=1250)
    parser.add_argument('--tasks', type=int, default=16)
    parser.add_argument('--shots', type=int, default=10)
    parser.add_argument('--queries', type=int, default=10)
    parser.add_argument('--inner-lr', type=float, default=0.03)
    parser.add_argument('--inner-steps', type=int, default=3)
    parser.add_argument('--lr', type=float, default=3e-3)
    parser.add_argument('--seed', type=int, default=4)
    args = parser.parse_args()

    g_train = torch.Generator().manual_seed(args.seed)
    g_test = torch.Generator().manual_seed(args.seed + 1000)
    test_batch = sample_tasks(300, args.shots, 50, g_test)
    zero = (test_batch[3] ** 2).mean().item()

    params = init_params(SIZES, g_train)
    fresh = dict(params)
    state = adam_init(params)
    start = time.time()
    running = 0.0
    for it in range(1, args.iters + 1):
        lr = args.lr * 0.5 * (1 + math.cos(math.pi * it / args.iters))
        batch = sample_tasks(args.tasks, args.shots, args.queries, g_train)
        grads, loss = grad_and_value(meta_loss)(params, batch, args.inner_lr, args.inner_steps)
        grads, _ = clip_by_norm(grads, 5.0)
        params, state = adam_update(params, grads, state, lr)
        running += loss.item()
        if it % 250 == 0:
            before, after = evaluate(params, test_batch, args.inner_lr, args.inner_steps)
            print(f'iter {it}: meta loss {running / 250:.4f} | held-out tasks: '
                  f'before {before:.4f} after {after:.4f}')
            running = 0.0

    _, scratch = evaluate(fresh, test_batch, args.inner_lr, args.inner_steps)
    _, after = evaluate(params, test_batch, args.inner_lr, args.inner_steps)
    print(f'predicting zero: {zero:.4f}')
    print(f'adapted from random init: {scratch:.4f}')
    print(f'adapted from meta-learned init: {after:.4f}   ({time.time() - start:.1f}s)')


if __name__ == '__main__':
    main()
