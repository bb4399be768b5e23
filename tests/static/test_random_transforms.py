"""Transforms of torchvision that move a picture at random are told from those that do not."""

import pytest

from osler.static.random_transforms import drawing_place

HEAD = "from torchvision import transforms as T; from torchvision.transforms import v2\n"


def draws(script, text: str) -> bool:
    read = script(f"{HEAD}t = {text}\n")
    made = {id(f.result): f for facts in read.machine.facts.values() for f in facts}
    return drawing_place(read["t"], made) is not None


@pytest.mark.parametrize(
    "text",
    [
        "T.RandomHorizontalFlip()",
        "T.RandomVerticalFlip(p=0.2)",
        "T.RandomRotation(10)",
        "T.RandomAffine(0, translate=(0.1, 0.1))",
        "v2.RandomCrop(8)",
        "T.Compose([T.ToTensor(), T.RandomPerspective()])",
        "nn.Sequential(v2.ElasticTransform())",
        "T.RandomApply(nn.Sequential(T.RandomResizedCrop(8)))",
    ],
)
def test_draws_and_moves(script, text: str) -> None:
    assert draws(script, text)


@pytest.mark.parametrize(
    "text",
    [
        "T.Resize(8)",
        "T.ColorJitter(0.1)",
        "T.RandomHorizontalFlip(1)",
        "T.RandomVerticalFlip(p=0.0)",
        "T.RandomRotation(0)",
        "T.RandomAffine(degrees=0)",
        "T.RandomApply([T.RandomCrop(4)], p=0)",
        "T.Compose([T.CenterCrop(8), T.Normalize(0, 1)])",
        "T.Compose(*ts)",
        "elsewhere.RandomCrop(8)",
        "nn.Sequential(nn.Flatten())",
    ],
)
def test_draws_nothing_or_moves_nothing(script, text: str) -> None:
    assert not draws(script, text)
