"""Inputs and targets that separate random numbers move, and programs that only look as if they did so."""

from textwrap import indent

import pytest

from osler.checks.data.targets_transformed_apart import check
from osler.testing import read

FLIP = """
class Flip:
    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, x):
        if random.random() < self.p:
            x = torch.flip(x, dims=[-1])
        return x
"""

LOOP = """
net = nn.Conv2d(1, 1, 3, padding=1)
opt = torch.optim.Adam(net.parameters())
for epoch in range(epochs):
    for a, b in loader:
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(a), b)
        loss.backward()
        opt.step()
"""

APART = "x, y = self.images[i], self.masks[i]\nx = self.t(x)\ny = self.t(y)\nreturn x, y"


def program(
    body: str = APART, made: str = "Flip()", more: str = FLIP, loop: str = LOOP, stored: str = ""
) -> str:
    """A dataset with this `__getitem__` and transform, and a training on it."""
    return f"""
import os, random
import numpy as np
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import v2
{more}
class Pictures(Dataset):
    def __init__(self, images, masks, t=None, u=None):
        self.images, self.masks = images, masks
        self.t = t
        self.u = u
        self.p = 0.5
{indent(stored, "        ")}

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
{indent(body, "        ")}

pictures = Pictures(torch.randn(64, 1, 8, 8), torch.ones(64, 1, 8, 8), {made})
loader = DataLoader(pictures, batch_size=16, shuffle=True)
{loop}"""


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


def test_says_what_is_apart() -> None:
    (found,) = read(program(), [check]).findings
    line = found.place.line
    assert found.message == (
        f"`Pictures` moves the target at random here, and the input in line {line - 1}: each draws random "
        "numbers of its own, so that the target no longer fits the input."
    )
    assert found.place.function == "__getitem__"
    assert [(r.place.function, r.label) for r in found.related] == [
        ("__getitem__", "the input is moved here"),
        ("__call__", "new numbers are drawn here each time"),
        ("", "this loop compares the output with the target"),
    ]
    assert found.expected == "one draw of random numbers decides what is done to both, input and target"
    assert found.why == (
        "Input and target no longer belong together, place by place: the model learns from wrong targets."
    )
    assert found.fix == (
        "Use one draw for both: a transform that takes and returns both, or numbers that are drawn "
        "first and given to each call."
    )


def flip(body: str) -> str:
    """A transform whose call does this."""
    return f"class Flip:\n    def __call__(self, x):\n{indent(body, ' ' * 8)}\n"


def images(body: str) -> str:
    """Both are read, something is done, and both are returned."""
    return f"x, y = self.images[i], self.masks[i]\n{body}\nreturn x, y"


INLINE = "if random.random() < 0.5:\n    x = x.flip(-1)\nif random.random() < 0.5:\n    y = y.flip(-1)"

FUNCTION = "def flip(x):\n    return torch.flip(x, [-1]) if torch.rand(()) < 0.5 else x\n"

DICE = """
def dice(logits, masks):
    p = logits.sigmoid().flatten(1)
    t = masks.flatten(1)
    return 1 - (2 * (p * t).sum(1) / (p.sum(1) + t.sum(1))).mean()
"""

BOTH = "F.binary_cross_entropy_with_logits(net(a), b)"

HITS = {
    "a class": program(),
    "in one line": program("return self.t(self.images[i]), self.t(self.masks[i])"),
    "only if there is one": program(images("if self.t is not None:\n    x = self.t(x)\n    y = self.t(y)")),
    "two conditions": program(images("if self.t:\n    x = self.t(x)\nif self.t:\n    y = self.t(y)")),
    "a function": program("return flip(self.images[i]), flip(self.masks[i])", more=FLIP + FUNCTION),
    "a function that is given": program(made="flip", more=FUNCTION),
    "a module": program(
        more=FLIP.replace("class Flip:", "class Flip(nn.Module):").replace("__call__", "forward")
    ),
    "written out twice": program(images(INLINE)),
    "numbers with names": program(
        images(
            "a, b = random.random(), random.random()\nif a > 0.5:\n    x = x.flip(-1)\n"
            "if b > 0.5:\n    y = y.flip(-1)"
        )
    ),
    "turned": program(more=flip("return torch.rot90(x, random.randint(0, 3), [-2, -1])")),
    "cut out": program(more=flip("top = random.randint(0, 4)\nreturn x[:, top:top + 4]")),
    "backwards": program(more=flip("if np.random.rand() < 0.5:\n    x = x[..., ::-1].copy()\nreturn x")),
    "left early": program(more=flip("if random.random() > 0.5:\n    return x\nreturn torch.fliplr(x)")),
    "a method": program(
        "return self.move(self.images[i]), self.move(self.masks[i])",
    ).replace(
        "    def __len__",
        "    def move(self, x):\n        return x.roll(random.randint(0, 8), -1)\n\n    def __len__",
    ),
    "torchvision": program(made="T.RandomHorizontalFlip()"),
    "composed": program(made="T.Compose([T.ToPILImage(), T.RandomRotation(10), T.ToTensor()])"),
    "v2": program(made="v2.Compose([v2.RandomResizedCrop(8)])"),
    "in a sequence": program(made="nn.Sequential(T.RandomVerticalFlip(0.5))"),
    "perhaps": program(made="T.RandomApply([T.RandomAffine(20)], p=0.3)"),
    "two transforms, both at random": program(
        "return self.t(self.images[i]), self.u(self.masks[i])", made="Flip(), T.RandomCrop(6)"
    ),
    "a list of transforms": program(
        made="Every([Flip()])",
        more=FLIP
        + "class Every:\n    def __init__(self, ts):\n        self.ts = ts\n    def __call__(self, x):\n"
        "        for t in self.ts:\n            x = t(x)\n        return x\n",
    ),
    "files": program(
        "x = Image.open(os.path.join('a', self.images[i]))\n"
        "y = Image.open(os.path.join('b', self.masks[i]))\nreturn self.t(x), self.t(y)"
    ),
    "two folders": program(
        "name = self.images[i]\nx = Image.open(os.path.join(self.root, 'images', name))\n"
        "y = Image.open(os.path.join(self.root, 'masks', name))\nreturn self.t(x), self.t(y)",
        stored="self.root = 'data'",
    ),
    "stored in pairs": program("x, y = self.images[i]\nreturn self.t(x), self.t(y)"),
    "a dict": program(
        "return {'x': self.t(self.images[i]), 'y': self.t(self.masks[i])}",
        loop=LOOP.replace("for a, b in loader", "for batch in loader").replace(
            "net(a), b", "net(batch['x']), batch['y']"
        ),
    ),
    "three parts": program(
        images("").replace("return x, y", "return self.t(x), self.t(y), i"),
        loop=LOOP.replace("a, b in", "a, b, _ in"),
    ),
    "moved to a device": program(
        loop=LOOP.replace("        opt.zero", "        a, b = a.to('cpu'), b.to('cpu')\n        opt.zero")
    ),
    "a loss of one's own": program(more=FLIP + DICE, loop=LOOP.replace(BOTH, "dice(net(a), b)")),
    "a difference": program(loop=LOOP.replace(BOTH, "((net(a) - b) ** 2).mean()")),
    "a step of one's own": program(
        loop=LOOP.replace(BOTH, "step(a, b)").replace(
            "for epoch", f"def step(a, b):\n    return {BOTH}\nfor epoch", 1
        )
    ),
    "a generator of its own": program(
        more=FLIP.replace("self.p = p", "self.p = p\n        self.rng = np.random.default_rng(0)").replace(
            "random.random()", "self.rng.random()"
        )
    ),
}


@pytest.mark.parametrize("code", HITS.values(), ids=HITS.keys())
def test_is_found(code: str) -> None:
    assert len(told(code)) == 1


JOINT = FLIP.replace("self, x)", "self, x, y)").replace("return x", "return x, y")
GAN = LOOP.replace("for epoch", "other = torch.optim.Adam(net.parameters())\nfor epoch", 1)

SILENT = {
    "one call for both": program(images("x, y = self.t(x, y)"), more=JOINT),
    "v2 with both": program(images("x, y = self.t(x, y)"), made="v2.RandomHorizontalFlip()"),
    "stacked": program(images("both = self.t(torch.cat([x, y]))\nx, y = both[:1], both[1:]")),
    "one condition": program(images("if random.random() < 0.5:\n    x, y = TF.hflip(x), TF.hflip(y)")),
    "one number": program(
        images("a = random.random() < 0.5\nif a:\n    x = x.flip(-1)\nif a:\n    y = y.flip(-1)")
    ),
    "one angle": program(images("a = random.uniform(-9, 9)\nx, y = TF.rotate(x, a), TF.rotate(y, a)")),
    "parameters drawn once": program(
        images("k = T.RandomCrop.get_params(x, (4, 4))\nx, y = TF.crop(x, *k), TF.crop(y, *k)")
    ),
    "one corner": program(images("a = random.randint(0, 4)\nx, y = x[:, a:a + 4], y[:, a:a + 4]")),
    "one number for a function": program(
        images("k = random.randint(0, 3)\nx, y = turned(x, k), turned(y, k)"),
        more=FLIP + "def turned(x, k):\n    return torch.rot90(x, k, [-2, -1])\n",
    ),
    "the same seed": program(
        images("s = random.randint(0, 99)\nrandom.seed(s)\nx = self.t(x)\nrandom.seed(s)\ny = self.t(y)")
    ),
    "the same seed of torch": program(
        images("s = torch.seed()\ntorch.manual_seed(s)\nx = self.t(x)\ntorch.manual_seed(s)\ny = self.t(y)"),
        made="T.RandomHorizontalFlip()",
    ),
    "the same state": program(
        images("s = torch.get_rng_state()\nx = self.t(x)\ntorch.set_rng_state(s)\ny = self.t(y)"),
        made="T.RandomHorizontalFlip()",
    ),
    "Python's state": program(
        images("s = random.getstate()\nx = self.t(x)\nrandom.setstate(s)\ny = self.t(y)")
    ),
    "a generator for each call": program(
        more=flip("rng = random.Random(7)\nif rng.random() < 0.5:\n    x = x.flip(-1)\nreturn x")
    ),
    "two generators with one seed": program(
        "return self.t(self.images[i]), self.u(self.masks[i])",
        made="Flip(), Flip()",
        more=FLIP.replace("self.p = p", "self.p = p\n        self.rng = np.random.default_rng(0)").replace(
            "random.random()", "self.rng.random()"
        ),
    ),
    "drawn once per sample": program(
        images("self.t.resample()\nx = self.t(x)\ny = self.t(y)"),
        more=FLIP.replace("if random.random() < self.p", "if self.flips")
        + "\n    def resample(self):\n        self.flips = random.random() < self.p\n",
    ),
    "kept for the second call": program(
        more=flip(
            "self.odd = not self.odd\nif self.odd:\n    self.k = random.randint(0, 3)\n"
            "return torch.rot90(x, self.k, [1, 2])"
        )
    ),
    "nothing is drawn": program(more=flip("return torch.flip(x, [-1])")),
    "torchvision without draws": program(made="T.Compose([T.Resize(8), T.ToTensor(), T.CenterCrop(4)])"),
    "never": program(made="Flip(p=0.0)"),
    "never, of torchvision": program(made="T.RandomHorizontalFlip(p=0)"),
    "always": program(made="Flip(1.0)"),
    "noise": program(more=flip("return x + 0.1 * torch.randn_like(x)")),
    "colours": program(made="T.Compose([T.ColorJitter(0.2), T.GaussianBlur(3)])"),
    "noise on the input, both moved together": program(
        images(
            "x = x + torch.randn_like(x)\nif random.random() < 0.5:\n    x, y = x.flip(-1), y.flip(-1)\n"
            "x = x * random.uniform(0.8, 1.2)"
        )
    ),
    "the input alone": program(images("x = self.t(x)")),
    "the target's does not draw": program(
        "return self.t(self.images[i]), self.u(self.masks[i])", made="Flip(), T.Resize(8)"
    ),
    "no transform": program(images("if self.t is not None:\n    x, y = self.t(x), self.t(y)"), made="None"),
    "switched off": program(
        images("if self.augment:\n    x, y = self.t(x), self.t(y)"), stored="self.augment = False"
    ),
    "one or the other": program(images("if i % 2:\n    x = self.t(x)\nelse:\n    y = self.t(y)")),
    "a class": program(
        "return self.t(self.images[i]), self.masks[i]", loop=LOOP.replace(BOTH, "F.cross_entropy(net(a), b)")
    ),
    "how much is marked": program(
        "return self.t(self.images[i]), self.t(self.masks[i]).mean()",
        loop=LOOP.replace(BOTH, "F.mse_loss(net(a), b)"),
    ),
    "how much is marked, in the loop": program(
        loop=LOOP.replace(BOTH, "F.mse_loss(net(a).mean((1, 2, 3)), b.mean((1, 2, 3)))")
    ),
    "two views": program(
        "x = self.images[i]\nreturn self.t(x), self.t(x)",
        loop=LOOP.replace(BOTH, "F.mse_loss(net(a), net(b))"),
    ),
    "two views, the other a target": program("return self.t(self.images[i]), self.t(self.images[i])"),
    "a pair of networks": program(loop=LOOP.replace(BOTH, "F.mse_loss(net(a), net(b).detach())")),
    "a triplet": program(
        "return self.t(self.images[i]), self.t(self.masks[i]), self.t(self.images[random.randrange(64)])",
        loop=LOOP.replace("a, b in", "a, b, c in").replace(
            BOTH, "F.triplet_margin_loss(net(a), net(b), net(c))"
        ),
    ),
    "another index": program("return self.t(self.images[i]), self.t(self.masks[random.randrange(64)])"),
    "unpaired": program(
        "return self.t(self.images[i % len(self.images)]), self.t(self.masks[i % len(self.masks)])"
    ),
    "two optimizers": program(
        loop=GAN.replace("        opt.step()", "        opt.step()\n        other.step()")
    ),
    "compared with the input": program(loop=LOOP.replace(BOTH, "F.mse_loss(net(a), a)")),
    "compared with the input, elsewhere": program(
        loop=LOOP.replace(BOTH, "step(a)").replace(
            "for epoch", "def step(a):\n    return F.mse_loss(net(a), a)\nfor epoch", 1
        )
    ),
    "statistics of a style": program(
        more=FLIP + "def gram(x):\n    x = x.flatten(2)\n    return x @ x.mT\n",
        loop=LOOP.replace(BOTH, "F.mse_loss(gram(net(a)), gram(b))"),
    ),
    "two pictures and a class": program(
        "return self.t(self.images[i]), self.t(self.masks[i]), i % 4",
        loop=LOOP.replace("a, b in", "a, b, c in").replace(
            BOTH, "F.cross_entropy(net(torch.cat([a, b], 1)).mean((2, 3)), c)"
        ),
    ),
    "albumentations": program(
        images("both = self.t(image=x, mask=y)\nx, y = both['image'], both['mask']"),
        made="A.Compose([A.HorizontalFlip()])",
    ).replace("import os", "import albumentations as A\nimport os"),
    "a transform from elsewhere": program(made="make_transform()"),
    "a number that is remembered": program(
        more=FLIP + "from functools import cache\n@cache\ndef k(i):\n    return random.randint(0, 3)\n",
        body="return self.images[i].rot90(k(i), [1, 2]), self.masks[i].rot90(k(i), [1, 2])",
    ),
    "a number that is kept for each sample": program(
        more=FLIP,
        body="return self.images[i].roll(self.k.setdefault(i, random.randint(0, 3))), "
        "self.masks[i].roll(self.k.setdefault(i, random.randint(0, 3)))",
        stored="self.k = {}",
    ),
    "a number that is kept in a dict": program(
        images(
            "if i not in self.k:\n    self.k[i] = random.randint(0, 3)\n"
            "x, y = x.roll(self.k[i]), y.roll(self.k[i])"
        ),
        stored="self.k = {}",
    ),
    "what is to be laid over each other": program(
        loop=LOOP.replace(BOTH, "F.mse_loss(net(torch.cat([a, b], 1)), b)").replace("Conv2d(1,", "Conv2d(2,")
    ),
    "what is to be laid over each other, elsewhere": program(
        loop=LOOP.replace(BOTH, "step(a, b)").replace(
            "for epoch", "def step(a, b):\n    return F.mse_loss(net(torch.cat([a, b], 1)), b)\nfor epoch", 1
        )
    ),
    "the next picture": program("return self.t(self.images[i]), self.t(self.images[i + 1])"),
    "a picture and one of its captions": program(
        "return self.t(self.images[i]), self.masks[i][random.randrange(5)]"
    ),
    "a corner that the mask decides": program(
        images("a = int(y.argmax()) + random.randint(0, 2)\nx, y = x[:, a:a + 4], y[:, a:a + 4]")
    ),
    "batches put together by a function": program(loop=LOOP).replace(
        "shuffle=True", "shuffle=True, collate_fn=together"
    ),
    "never trained on": program(
        loop="net = nn.Conv2d(1, 1, 3)\nwith torch.no_grad():\n    for a, b in loader:\n"
        "        F.mse_loss(net(a), b)\n"
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_is_silent(code: str) -> None:
    assert told(code) == []
