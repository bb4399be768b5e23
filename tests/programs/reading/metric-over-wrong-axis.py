# fault: one argmax for the batch
net = Net()
right = 0
with torch.no_grad():
    for x, y in val_loader:
        guess = torch.argmax(net(x))
        right += (guess == y).sum().item()  # <-
# fault: a class
class Evaluation:
    def __init__(self, net, batches):
        self.net, self.batches = net, batches

    @torch.no_grad()
    def accuracy(self):
        self.net.eval()
        hits = [self.net(x).argmax().eq(y).float().mean() for x, y in self.batches]  # <-
        return sum(hits) / len(hits)


print(Evaluation(Net(), DataLoader(rows(64), batch_size=8)).accuracy())
# near: over the classes
net = Net()
with torch.no_grad():
    hits = [(net(x).argmax(dim=1) == y).float().mean() for x, y in val_loader]
# near: one sample at a time
net = Net()
with torch.no_grad():
    for x, y in DataLoader(rows(64), batch_size=1):
        print(net(x).argmax() == y)
# near: a sample out of the batch
net = Net()
with torch.no_grad():
    for x, y in val_loader:
        print(net(x)[0].argmax() == y[0])
# near: a loader whose batches are not known
def accuracy(net, some_loader):
    with torch.no_grad():
        return [(net(x).argmax() == y).float().mean() for x, y in some_loader]
# near: the loudest place of the batch
net = Net()
with torch.no_grad():
    for x, y in val_loader:
        print(net(x).argmax() == 3)
