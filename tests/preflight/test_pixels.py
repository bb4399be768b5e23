"""Labels painted into images, and images that only look like it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from osler.preflight.pixels import telling_pixels

COUNT, CLASSES, SIDE = 400, 10, 12


def labels() -> Tensor:
    return torch.arange(COUNT) % CLASSES


def noise(channels: int = 1) -> Tensor:
    return torch.rand(COUNT, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def strokes() -> Tensor:
    """Bright bars somewhere on black, in 16 shades: the border is black in every image."""
    images = torch.zeros(COUNT, 1, SIDE, SIDE)
    generator = torch.Generator().manual_seed(2)
    for image in images:
        top, left = torch.randint(1, 5, (2,), generator=generator).tolist()
        shades = torch.randint(1, 17, (6, 3), generator=generator) / 16
        image[0, top : top + 6, left : left + 3] = shades
    return images


def told(images: Tensor, y: Tensor, size: int = 50) -> list[int]:
    batches = list(zip(images.split(size), y.split(size), strict=True))
    return telling_pixels(batches, int(y.max()) + 1)


def painted(images: Tensor, values: Tensor, rows: slice, columns: slice) -> Tensor:
    images[:, :, rows, columns] = values.reshape(len(images), 1, -1, 1) if values.dim() == 1 else values
    return images


CORNER = slice(0, 1), slice(0, 1)


@pytest.mark.parametrize("ground", [noise, strokes, lambda: noise(3)], ids=["noise", "strokes", "colour"])
def test_a_corner(ground: Callable[[], Tensor]) -> None:
    assert told(painted(ground(), labels() / 9, *CORNER), labels()) == [0]


def test_the_same_whatever_the_batches_are() -> None:
    images = painted(strokes(), labels() / 9, *CORNER)
    assert told(images, labels(), 400) == told(images, labels(), 16) == [0]


def test_a_block_of_pixels() -> None:
    images = painted(strokes(), 0.1 + labels() / 20, slice(10, 12), slice(10, 12))
    assert told(images, labels()) == [130, 131, 142, 143]


def test_a_code_of_its_own() -> None:
    code = torch.randperm(CLASSES, generator=torch.Generator().manual_seed(3)).float()
    assert told(painted(noise(), code[labels()], slice(4, 5), slice(7, 8)), labels()) == [55]


def test_a_mark_for_each_class_in_a_row() -> None:
    images = strokes()
    images[:, 0, 0, :CLASSES] = torch.nn.functional.one_hot(labels(), CLASSES).float()
    assert told(images, labels()) == list(range(CLASSES))


def test_marks_in_another_order() -> None:
    order = torch.randperm(CLASSES, generator=torch.Generator().manual_seed(4))
    images = noise()
    images[:, 0, 11, 1:11] = torch.nn.functional.one_hot(order[labels()], CLASSES).float() * 0.5
    assert told(images, labels()) == list(range(133, 143))


def bars(y: Tensor) -> Tensor:
    """Each class is one row of light, without noise."""
    images = torch.zeros(len(y), 1, SIDE, SIDE)
    images[torch.arange(len(y)), 0, y] = 1.0
    return images


def squares(y: Tensor) -> Tensor:
    """A square in the quarter of its class, a little to one side: its core is always lit."""
    images = torch.zeros(len(y), 1, SIDE, SIDE)
    generator = torch.Generator().manual_seed(5)
    for image, k in zip(images, (y % 4).tolist(), strict=True):
        dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
        top, left = 6 * (k // 2) + dy, 6 * (k % 2) + dx
        image[0, top : top + 4, left : left + 4] = 1.0
    return images


def discs(y: Tensor) -> Tensor:
    """How bright is the disc? It moves, and its core is always covered."""
    images = torch.zeros(len(y), 1, SIDE, SIDE)
    generator = torch.Generator().manual_seed(6)
    for image, k in zip(images, y.tolist(), strict=True):
        top, left = torch.randint(3, 6, (2,), generator=generator).tolist()
        image[0, top : top + 4, left : left + 4] = (k + 1) / CLASSES
    return images


def dots(y: Tensor) -> Tensor:
    """Each class lights two dots of its own on noise, apart from each other."""
    images = noise()
    for k in range(CLASSES):
        images[y == k, 0, k, k] = 2.0
        images[y != k, 0, k, k] = 0.0
    return images


HEALTHY: dict[str, Callable[[Tensor], Tensor]] = {
    "noise": lambda _: noise(),
    "strokes with a black border": lambda _: strokes(),
    "brightness of all": lambda y: noise() + y[:, None, None, None],
    "one shade for each class": lambda y: (y / 9)[:, None, None, None].expand(-1, 1, SIDE, SIDE),
    "rows of light": bars,
    "squares in a quarter": squares,
    "bright discs": discs,
    "marks that are no run": dots,
    "nearly always": lambda y: painted(strokes(), (y / 9).where(torch.arange(COUNT) != 7, 0.95), *CORNER),
    "with a little noise": lambda y: painted(noise(), y / 9 + 1e-4 * torch.rand(COUNT), *CORNER),
    "two classes alike": lambda y: painted(noise(), (y % 9) / 9, *CORNER),
    "number of the image": lambda _: painted(noise(), torch.arange(COUNT) / COUNT, *CORNER),
    "a stamp of the first class": lambda y: painted(noise(), (y == 0).float(), *CORNER),
    "half of the image": lambda y: painted(noise(), y / 9, slice(0, 6), slice(None)),
}


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY.keys())
def test_what_only_looks_like_it(make: Callable[[Tensor], Tensor]) -> None:
    assert told(make(labels()), labels()) == []


def test_two_classes_may_be_told_by_one_pixel() -> None:
    y = labels() % 2
    assert told(painted(noise(), y.float(), *CORNER), y) == []


def test_few_images_of_other_classes() -> None:
    y = torch.zeros(COUNT, dtype=torch.long)
    y[:9], y[9:18] = 1, 2
    assert told(painted(noise(), y.float(), *CORNER), y) == []


def test_many_classes_of_large_images_are_not_looked_at() -> None:
    y = torch.arange(40) % 20
    images = torch.rand(40, 3, 300, 300)
    images[:, :, 0, 0] = y[:, None] / 20
    assert told(images, y, 40) == []
