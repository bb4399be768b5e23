# fault: a list
x, y = list(loader)[0]  # <-
# fault: in a class
class Look:
    def __init__(self):
        self.batches = DataLoader(rows(32), batch_size=8)

    def first(self):
        return list(self.batches)[0]  # <-


Look().first()
# near: next
x, y = next(iter(loader))
# near: a dict of loaders
loaders = {"train": loader}
x, y = next(iter(loaders["train"]))
# near: a list of loaders
loaders = [loader, val_loader]
first = loaders[0]
