import torch
import torch.nn as nn
import torch.nn.functional as F


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16, width=24):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.norm1 = nn.GroupNorm(4, width)
        self.norm2 = nn.GroupNorm(4, 2 * width)
        self.fc = nn.Linear(2 * width * 4, dim)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return F.normalize(self.fc(x.flatten(1)), dim=1)


class CosineMarginLoss(nn.Module):
    """large-margin cosine loss (CosFace) over learned class centres"""

    def __init__(self, dim, classes, scale=16.0, margin=0.2):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, dim))
        self.scale, self.margin = scale, margin

    def forward(self, z, y):
        cos = z @ F.normalize(self.centres, dim=1).T
        cos = cos - self.margin * F.one_hot(y, cos.shape[1])
        return F.cross_entropy(self.scale * cos, y)

    @torch.no_grad()
    def classify(self, z):
        return (z @ F.normalize(self.centres, dim=1).T).argmax(1)
