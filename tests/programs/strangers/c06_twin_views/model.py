import copy

import torch
import torch.nn as nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self, width=24, dim=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 16, dim), nn.BatchNorm1d(dim), nn.ReLU(),
        )

    def forward(self, x):
        return self.body(x)


def mlp(n_in, hidden, n_out):
    return nn.Sequential(nn.Linear(n_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, n_out))


class TwinViews(nn.Module):
    """Online branch + predictor; the target branch is a moving average of the online one."""

    def __init__(self, dim=64, proj=32, tau=0.97):
        super().__init__()
        self.encoder = Encoder(dim=dim)
        self.projector = mlp(dim, 64, proj)
        self.predictor = mlp(proj, 64, proj)
        self.target = copy.deepcopy(nn.Sequential(self.encoder, self.projector))
        for p in self.target.parameters():
            p.requires_grad_(False)
        self.tau = tau

    def trainable(self):
        return [p for p in self.parameters() if p.requires_grad]

    def loss(self, a, b):
        both = torch.cat([a, b])
        online = self.predictor(self.projector(self.encoder(both)))
        with torch.no_grad():
            goal = self.target(torch.cat([b, a]))
        return 2 - 2 * F.cosine_similarity(online, goal, dim=1).mean()

    @torch.no_grad()
    def move_target(self):
        online = nn.Sequential(self.encoder, self.projector)
        for t, o in zip(self.target.parameters(), online.parameters()):
            t.lerp_(o, 1 - self.tau)
        for t, o in zip(self.target.buffers(), online.buffers()):
            t.copy_(o)
