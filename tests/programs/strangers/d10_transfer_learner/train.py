"""Transfer learning: train a body on a source task, put a new head on it,
train the head first and then fine-tune everything."""
import os
import sys
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from callbacks import CosineLR, GradClip, MetricsCB, Unfreeze  # noqa: E402
from data import source_task, target_task  # noqa: E402
from learner import Learner  # noqa: E402

SEED = 21
torch.manual_seed(SEED)


def conv(ni, nf, stride=1):
    return nn.Sequential(nn.Conv2d(ni, nf, 3, stride=stride, padding=1), nn.GroupNorm(4, nf), nn.ReLU())


def make_body():
    return nn.Sequential(conv(1, 16), conv(16, 32, stride=2), conv(32, 32, stride=2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten())


def make_model(body, n_out):
    return nn.Sequential(body, nn.Linear(32, n_out))


adamw = partial(torch.optim.AdamW, weight_decay=0.01)

print('source task')
body = make_body()
source = Learner(make_model(body, 2), source_task(SEED), F.cross_entropy, adamw,
                 cbs=[MetricsCB(every=2), GradClip(1.0)])
source.fit(6, lr=3e-3)

print('target task')
for p in body.parameters():
    p.requires_grad_(False)
metrics = MetricsCB(every=3)
target = Learner(make_model(body, 10), target_task(SEED), F.cross_entropy, adamw,
                 cbs=[Unfreeze(3, body), metrics, GradClip(1.0), CosineLR()])
target.fit(18, lr=4e-3)

train_loss, valid_loss, valid_acc = metrics.log[-1]
print(f'final valid loss {valid_loss:.4f}')
print(f'final valid accuracy {valid_acc:.4f}')
