from dataclasses import dataclass, field


@dataclass
class OptimConfig:
    lr: float = 3e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 60
    max_grad_norm: float = 1.0


@dataclass
class ModelConfig:
    dim: int = 32
    heads: int = 4
    depth: int = 2
    dropout: float = 0.05
    patch: int = 2


@dataclass
class Config:
    epochs: int = 12
    batch_size: int = 48
    seed: int = 9
    log_every: int = 2
    optim: OptimConfig = field(default_factory=OptimConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
