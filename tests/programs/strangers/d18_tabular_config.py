#!/usr/bin/env python3
"""Config driven tabular classification script."""
import logging
import time
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

_logger = logging.getLogger('train')

CFG = dict(
    seed=42,
    data=dict(n_samples=6000, n_features=24, n_informative=14, n_redundant=4, n_classes=6,
              n_clusters_per_class=5, class_sep=1.5, flip_y=0.01),
    model=dict(hidden=160, depth=3, drop=0.1),
    optim=dict(opt='sgd', lr=0.01, momentum=0.9, weight_decay=1e-4),
    sched=dict(factor=0.1, patience=3, threshold=1e-3, min_lr=1e-6),
    batch_size=128,
    epochs=40,
    clip_grad=2.0,
    log_interval=5,
)


class AverageMeter:
    """Computes and stores the average and current value"""

    def __init__(self):
        self.reset()

    def reset(self):
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count


def accuracy(output, target, topk=(1,)):
    maxk = max(topk)
    _, pred = output.topk(maxk, 1, True, True)
    correct = pred.t().eq(target.reshape(1, -1))
    return [correct[:k].reshape(-1).float().sum(0) * 100. / target.size(0) for k in topk]


class ResBlock(nn.Module):
    def __init__(self, dim, drop):
        super().__init__()
        self.norm = nn.BatchNorm1d(dim)
        self.fc1 = nn.Linear(dim, dim)
        self.fc2 = nn.Linear(dim, dim)
        self.drop = nn.Dropout(drop)

    def forward(self, x):
        return x + self.fc2(self.drop(torch.relu(self.fc1(self.norm(x)))))


class TabNet(nn.Module):
    def __init__(self, in_dim, num_classes, hidden, depth, drop):
        super().__init__()
        self.stem = nn.Linear(in_dim, hidden)
        self.blocks = nn.Sequential(*[ResBlock(hidden, drop) for _ in range(depth)])
        self.norm = nn.BatchNorm1d(hidden)
        self.head = nn.Linear(hidden, num_classes)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.blocks(self.stem(x)))))


def create_optimizer(cfg, model):
    cfg = dict(cfg)
    name, weight_decay = cfg.pop('opt'), cfg.pop('weight_decay')
    decay, no_decay = [], []
    for p in model.parameters():
        (no_decay if p.ndim <= 1 else decay).append(p)
    groups = [dict(params=decay, weight_decay=weight_decay), dict(params=no_decay, weight_decay=0.)]
    return {'sgd': torch.optim.SGD, 'adamw': torch.optim.AdamW}[name](groups, **cfg)


def create_scheduler(cfg, optimizer):
    return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **cfg)


def create_loaders(cfg):
    x, y = make_classification(random_state=cfg['seed'], **cfg['data'])
    x_tr, x_rest, y_tr, y_rest = train_test_split(x, y, test_size=0.4, stratify=y, random_state=1)
    x_va, x_te, y_va, y_te = train_test_split(x_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=1)
    mean, std = x_tr.mean(0), x_tr.std(0)
    out = []
    for a, b, is_train in ((x_tr, y_tr, True), (x_va, y_va, False), (x_te, y_te, False)):
        ds = TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b))
        out.append(DataLoader(ds, batch_size=cfg['batch_size'] if is_train else 600,
                              shuffle=is_train, drop_last=is_train))
    return out


def train_one_epoch(epoch, model, loader, optimizer, loss_fn, cfg):
    batch_time_m, losses_m = AverageMeter(), AverageMeter()
    model.train()
    end = time.time()
    for input, target in loader:
        output = model(input)
        loss = loss_fn(output, target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), cfg['clip_grad'])
        optimizer.step()
        losses_m.update(loss.item(), input.size(0))
        batch_time_m.update(time.time() - end)
        end = time.time()
    return OrderedDict([('loss', losses_m.avg), ('batch_time', batch_time_m.avg)])


@torch.no_grad()
def validate(model, loader, loss_fn):
    losses_m, top1_m, top3_m = AverageMeter(), AverageMeter(), AverageMeter()
    model.eval()
    for input, target in loader:
        output = model(input)
        acc1, acc3 = accuracy(output, target, topk=(1, 3))
        losses_m.update(loss_fn(output, target).item(), input.size(0))
        top1_m.update(acc1.item(), output.size(0))
        top3_m.update(acc3.item(), output.size(0))
    return OrderedDict([('loss', losses_m.avg), ('top1', top1_m.avg), ('top3', top3_m.avg)])


def main(cfg):
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    torch.manual_seed(cfg['seed'])
    np.random.seed(cfg['seed'])

    train_loader, val_loader, test_loader = create_loaders(cfg)
    model = TabNet(cfg['data']['n_features'], cfg['data']['n_classes'], **cfg['model'])
    optimizer = create_optimizer(cfg['optim'], model)
    scheduler = create_scheduler(cfg['sched'], optimizer)
    loss_fn = nn.CrossEntropyLoss()

    best_metric, best_epoch = 0., -1
    for epoch in range(cfg['epochs']):
        train_metrics = train_one_epoch(epoch, model, train_loader, optimizer, loss_fn, cfg)
        eval_metrics = validate(model, val_loader, loss_fn)
        scheduler.step(eval_metrics['top1'])
        if eval_metrics['top1'] > best_metric:
            best_metric, best_epoch = eval_metrics['top1'], epoch
        if epoch % cfg['log_interval'] == 0:
            _logger.info('Epoch %2d lr %.1e train %.4f val %.4f acc@1 %.2f acc@3 %.2f', epoch,
                         optimizer.param_groups[0]['lr'], train_metrics['loss'],
                         eval_metrics['loss'], eval_metrics['top1'], eval_metrics['top3'])

    _logger.info('*** Best val metric: %.2f (epoch %d)', best_metric, best_epoch)
    test_metrics = validate(model, test_loader, loss_fn)
    _logger.info('Test loss %.4f acc@1 %.2f acc@3 %.2f', *test_metrics.values())


if __name__ == '__main__':
    main(CFG)
