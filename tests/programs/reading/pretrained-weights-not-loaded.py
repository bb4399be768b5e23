# fault: a file as it is
model.load_state_dict(torch.load("pretrained.pt"), strict=False)  # <-
# fault: a part of a file, in a class
class Backbone(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.body = nn.Linear(8, 16)
        stored = torch.load(path, map_location="cpu")
        weights = stored["state_dict"]
        self.load_state_dict(weights, False)  # <-

    def forward(self, x):
        return self.body(x)


backbone = Backbone("pretrained.pt")
# fault: other names
stored = torch.load("pretrained.pt")
model.load_state_dict({name[7:]: value for name, value in stored.items()}, strict=False)  # <-
# near: strict, as it is by default
model.load_state_dict(torch.load("pretrained.pt"))
# near: somebody looks
missing = model.load_state_dict(torch.load("pretrained.pt"), strict=False)
print(missing)
# near: the old head is taken out
stored = torch.load("pretrained.pt")
del stored["head.weight"], stored["head.bias"]
model.load_state_dict(stored, strict=False)
# near: only what fits is chosen
own, stored = model.state_dict(), torch.load("pretrained.pt")
chosen = {name: value for name, value in stored.items() if name in own}
model.load_state_dict(chosen, strict=False)
# near: weights of the program itself
twin = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16))
twin.load_state_dict(model.state_dict(), strict=False)
# near: nobody knows where they come from
def adapt(net, weights):
    net.load_state_dict(weights, strict=False)
