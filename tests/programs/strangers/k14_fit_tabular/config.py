from dataclasses import dataclass


@dataclass
class Config:
    hidden: int = 192
    depth: int = 3
    lr: float = 2e-3
    weight_decay: float = 1e-2
    batch_size: int = 32
    max_epochs: int = 250
    patience: int = 80
    clip: float = 5.0
    seed: int = 7
