"""Box helpers. Boxes are (x1, y1, x2, y2) in units of the image side."""
import torch


def encode(boxes):
    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=-1)


@torch.no_grad()
def decode(raw):
    """Raw network output -> corner boxes."""
    cx, cy = raw[..., 0].sigmoid(), raw[..., 1].sigmoid()
    w, h = raw[..., 2].sigmoid(), raw[..., 3].sigmoid()
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)


def iou(a, b):
    lt = torch.maximum(a[:, :2], b[:, :2])
    rb = torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(dim=1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1)
    return inter / (area_a + area_b - inter + 1e-9)
