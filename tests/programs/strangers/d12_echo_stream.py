"""Echo task on a continuous symbol stream: at every step say which symbol was
seen DELAY steps ago. Truncated back-propagation over consecutive windows."""
import torch
from torch import nn
from torch.nn import functional as F

NUM_SYMBOLS, DELAY = 4, 7
BATCH_SIZE, NUM_STEPS = 32, 28
NUM_HIDDENS, LR, NUM_EPOCHS, CLIP = 64, 4e-3, 12, 1.0


class Accumulator:
    """For accumulating sums over n variables."""

    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def __getitem__(self, idx):
        return self.data[idx]


def make_stream(length, generator):
    """BATCH_SIZE parallel streams of symbols and their echoes; -1 where there is none yet."""
    x = torch.randint(0, NUM_SYMBOLS, (BATCH_SIZE, length), generator=generator)
    y = torch.full_like(x, -1)
    y[:, DELAY:] = x[:, :-DELAY]
    return x, y


def seq_data_iter_sequential(stream, num_steps):
    x, y = stream
    for i in range(0, x.shape[1] - num_steps + 1, num_steps):
        yield x[:, i:i + num_steps], y[:, i:i + num_steps]


def repackage_state(state):
    """Wraps hidden states in new tensors, to detach them from their history."""
    if isinstance(state, torch.Tensor):
        return state.detach()
    return tuple(repackage_state(s) for s in state)


class StackedGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_layers):
        super().__init__()
        self.num_inputs, self.num_hiddens = num_inputs, num_hiddens
        self.cells = nn.ModuleList([
            nn.GRUCell(num_inputs if i == 0 else num_hiddens, num_hiddens)
            for i in range(num_layers)])

    def begin_state(self, batch_size):
        return tuple(torch.zeros(batch_size, self.num_hiddens) for _ in self.cells)

    def step(self, x, state):
        new_state = []
        for cell, s in zip(self.cells, state):
            x = cell(x, s)
            new_state.append(x)
        return x, tuple(new_state)


class RNNModel(nn.Module):
    def __init__(self, rnn, num_outputs):
        super().__init__()
        self.rnn = rnn
        self.linear = nn.Linear(rnn.num_hiddens, num_outputs)

    def forward(self, inputs, state):
        X = F.one_hot(inputs.T, self.rnn.num_inputs).float()
        outputs = []
        for x in X:
            state = repackage_state(state)
            h, state = self.rnn.step(x, state)
            outputs.append(h)
        return self.linear(torch.stack(outputs, dim=1)), state


def loss_and_hits(net, X, Y, state):
    logits, state = net(X, state)
    loss = F.cross_entropy(logits.flatten(0, 1), Y.flatten(), ignore_index=-1)
    known = Y >= 0
    hits = ((logits.argmax(-1) == Y) & known).sum()
    return loss, hits, known.sum(), state


def train_epoch(net, stream, updater):
    metric = Accumulator(3)
    net.train()
    state = None
    for X, Y in seq_data_iter_sequential(stream, NUM_STEPS):
        if state is None:
            state = net.rnn.begin_state(X.shape[0])
        else:
            state = repackage_state(state)
        loss, hits, n, state = loss_and_hits(net, X, Y, state)
        updater.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        updater.step()
        metric.add(loss.detach() * n, hits, n)
    return metric[0] / metric[2], metric[1] / metric[2]


@torch.no_grad()
def evaluate(net, stream):
    metric = Accumulator(3)
    net.eval()
    state = net.rnn.begin_state(BATCH_SIZE)
    for X, Y in seq_data_iter_sequential(stream, NUM_STEPS):
        loss, hits, n, state = loss_and_hits(net, X, Y, state)
        metric.add(loss * n, hits, n)
    return metric[0] / metric[2], metric[1] / metric[2]


def train(net, train_stream, test_stream, lr, num_epochs):
    updater = torch.optim.Adam(net.parameters(), lr=lr)
    for epoch in range(num_epochs):
        train_loss, train_acc = train_epoch(net, train_stream, updater)
        if (epoch + 1) % 2 == 0:
            test_loss, test_acc = evaluate(net, test_stream)
            print(f'epoch {epoch + 1}, train loss {train_loss:.3f}, acc {train_acc:.3f}, '
                  f'test loss {test_loss:.3f}, acc {test_acc:.3f}')
    return evaluate(net, test_stream)


if __name__ == '__main__':
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(10)
    train_stream = make_stream(NUM_STEPS * 60, g)
    test_stream = make_stream(NUM_STEPS * 20, g)
    net = RNNModel(StackedGRU(NUM_SYMBOLS, NUM_HIDDENS, num_layers=1), NUM_SYMBOLS)
    test_loss, test_acc = train(net, train_stream, test_stream, LR, NUM_EPOCHS)
    print(f'chance {1 / NUM_SYMBOLS:.3f}')
    print(f'final test loss {test_loss:.4f} accuracy {test_acc:.4f}')
