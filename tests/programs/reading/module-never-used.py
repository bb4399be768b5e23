# fault: a dropout that forward forgets
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.drop = nn.Dropout(0.3)  # <-
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        # x = self.drop(x)
        return self.head(torch.relu(self.body(x)))


small = Small()
# fault: the layer of one block is called twice, that of the other never
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)  # <-
        nn.init.zeros_(self.second.weight)

    def forward(self, x):
        return x + self.first(torch.relu(self.first(x)))


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(8) for _ in range(3)])
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


optimizer = torch.optim.Adam(Tower().parameters())
# fault: a class made from another one that has its own forward
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)
        self.norm = nn.LayerNorm(4)  # <-

    def forward(self, x):
        return self.body(x)


class Deeper(Base):
    def forward(self, x):
        return torch.tanh(super().forward(x))


deeper = Deeper()
# near: used by the class above it
class Base(nn.Module):
    def forward(self, x):
        return self.head(self.body(x))


class Small(Base):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)


small = Small()
# near: used by a class made from it
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)
        self.gate = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


class Gated(Small):
    def forward(self, x):
        return self.body(x) * torch.sigmoid(self.gate(x))


gated = Gated()
# near: called by whoever holds it
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.body(x)


small = Small()
scores = small.head(small(torch.randn(2, 8)))
# near: part of a sequence
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)
        self.both = nn.Sequential(self.body, nn.ReLU(), self.head)

    def forward(self, x):
        return self.both(x)


small = Small()
# near: weights that are tied
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.scores = nn.Linear(8, 20, bias=False)

    def forward(self, x):
        return F.linear(self.words(x), self.scores.weight)


tied = Tied()
# near: found by a name that is put together
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer0 = nn.Linear(8, 8)
        self.layer1 = nn.Linear(8, 4)

    def forward(self, x):
        for number in range(2):
            x = getattr(self, f"layer{number}")(x)
        return x


tower = Tower()
# near: all children, one after the other
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 4)

    def forward(self, x):
        for child in self.children():
            x = child(x)
        return x


tower = Tower()
# near: taken apart by another model
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.body(x)


whole = nn.Sequential(*list(Small().children()))
# near: only its weights are used, without its name
class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x, weights=None):
        weight, bias = self.parameters() if weights is None else weights
        return F.linear(x, weight, bias)


functional = Functional()
# near: a library calls it
from transformers import BertPreTrainedModel


class Tagger(BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.classifier = nn.Linear(8, 4)

    def forward(self, x):
        return self.score(x)


tagger = Tagger(None)
