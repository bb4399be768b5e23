import torch.nn as nn


def conv_block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )


def make_trunk(width=24):
    return nn.Sequential(
        conv_block(1, width),
        conv_block(width, width),
        nn.MaxPool2d(2),
        conv_block(width, width * 2),
        conv_block(width * 2, width * 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


class SourceNet(nn.Module):
    """The network that is pretrained on the source classes."""

    def __init__(self, n_classes, width=24):
        super().__init__()
        self.features = make_trunk(width)
        self.classifier = nn.Linear(width * 2, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x))


class TransferNet(nn.Module):
    """Frozen trunk + new head for the target classes."""

    def __init__(self, n_classes, width=24):
        super().__init__()
        self.backbone = make_trunk(width)
        self.head = nn.Linear(width * 2, n_classes)

    def freeze_backbone(self):
        for p in self.backbone.parameters():
            p.requires_grad = False

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x):
        return self.head(self.backbone(x))
