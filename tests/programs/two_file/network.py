"""The network: a convolutional trunk whose blocks are recomputed in backward, and one head per task."""

import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(4, outputs)

    def forward(self, x):
        return F.silu(self.norm(self.conv(x)))


class Trunk(nn.Module):
    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(Block(a, b) for a, b in zip(widths[:-1], widths[1:]))
        self.drop = nn.Dropout(0.25)

    def forward(self, images):
        x = F.silu(self.stem(images))
        for block in self.blocks:
            if self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.drop(x.flatten(1))


class DigitTasks(nn.Module):
    """Which digit, how many closed loops it has, how much ink it took."""

    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.heads = nn.ModuleDict({"digit": nn.Linear(128, 10), "loops": nn.Linear(128, 3), "ink": nn.Linear(128, 1)})

    def forward(self, images):
        features = self.trunk(images)
        return {
            "digit": F.log_softmax(self.heads["digit"](features), dim=1),
            "loops": self.heads["loops"](features),
            "ink": self.heads["ink"](features).squeeze(1),
        }
