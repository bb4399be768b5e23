# fault: an activation was forgotten
net = nn.Sequential(
    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.Linear(64, 4),  # <-
)
print(net)
# fault: in a class, with nothing to the purpose between
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(8, 32),
            nn.Identity(),
            nn.Linear(32, 4),  # <-
        )

    def forward(self, x):
        return self.layers(x)


print(Head())
# near: a bottleneck of low rank
net = nn.Sequential(nn.Linear(64, 4), nn.Linear(4, 64))
print(net)
# near: activations
net = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 4))
print(net)
# near: dropout
net = nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.5), nn.Linear(32, 4))
print(net)
# near: normalisation
net = nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.Linear(32, 4))
print(net)
# near: heads side by side
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(8, 32), nn.Linear(8, 32)])


print(Heads())
# near: a layer of the user's
class Bend(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


net = nn.Sequential(nn.Linear(8, 32), Bend(), nn.Linear(32, 4))
print(net)
# near: one layer twice
layer = nn.Linear(8, 8)
net = nn.Sequential(layer, layer)
print(net)
