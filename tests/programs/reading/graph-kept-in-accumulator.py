# fault: a running loss
running = 0.0
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    running += loss  # <-
print(running / len(loader))
# fault: an attribute of a meter
class Meter:
    def __init__(self):
        self.total = 0.0

    def fit(self):
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            self.total += loss  # <-


Meter().fit()
# near: a number
running = 0.0
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    running += loss.item()
# near: detached
running = 0.0
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    running += loss.detach()
# near: the sum is what goes backward
for epoch in range(epochs):
    total = 0.0
    for x, y in loader:
        total += loss_fn(model(x), y)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
# near: summed within one turn
for x, y in loader:
    loss = 0.0
    for part in range(2):
        loss += loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
# near: without gradient
total = 0.0
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        total += loss_fn(model(x), y)
