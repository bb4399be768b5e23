"""BatchNorm calls that use statistics which nobody has updated."""

import torch
import torch.nn.functional as F
from torch import nn

from osler.model import IdleNormFact, Place
from osler.runtime.idle_norms import idle_norms, looked_at
from osler.runtime.registry import Registry

LAYER = nn.Linear(4, 3)
X = torch.randn(5, 4)
MEAN, VARIANCE = torch.zeros(3), torch.ones(3)
SITE = (Place("/me/train.py", 9, "main"),)
BACKWARD = (Place("/me/train.py", 20, "main"),)


def test_the_values_it_began_with() -> None:
    (mean,) = idle_norms(F.batch_norm(LAYER(X), MEAN, VARIANCE).sum(), Registry())
    assert mean.data_ptr() == MEAN.data_ptr()


def test_other_values() -> None:
    assert idle_norms(F.batch_norm(LAYER(X), MEAN + 0.1, VARIANCE).sum(), Registry()) == []
    assert idle_norms(F.batch_norm(LAYER(X), MEAN, VARIANCE * 2).sum(), Registry()) == []


def test_training_and_no_batch_norm() -> None:
    assert idle_norms(F.batch_norm(LAYER(X), None, None, training=True).sum(), Registry()) == []
    assert idle_norms(LAYER(X).sum(), Registry()) == []


def test_a_layer_in_eval_mode_is_a_mode() -> None:
    net, registry = nn.Sequential(LAYER, nn.BatchNorm1d(3)).eval(), Registry()
    root = net(X).sum()
    assert len(idle_norms(root, registry)) == 1
    registry.model(net)
    assert idle_norms(root, registry) == []


def test_looks_add_up_and_keep_the_line() -> None:
    first = looked_at(None, BACKWARD, [MEAN], [], 0)
    second = looked_at(first, BACKWARD, [MEAN], [(SITE, MEAN.data_ptr()), (BACKWARD, 1)], 1)
    third = looked_at(second, BACKWARD, [MEAN], [], 2)
    assert third == IdleNormFact(BACKWARD, (SITE,), 1, 3, 0, 2)
