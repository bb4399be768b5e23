"""Semi-supervised node classification with a two-layer GCN."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F

from graph import block_graph, gcn_matrix, split_nodes


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return torch.sparse.mm(adj, x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, hidden, n_class, drop):
        super().__init__()
        self.gc1 = GraphConv(n_in, hidden)
        self.gc2 = GraphConv(hidden, n_class)
        self.drop = drop

    def forward(self, x, adj):
        x = F.dropout(x, self.drop, training=self.training)
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.drop, training=self.training)
        return F.log_softmax(self.gc2(x, adj), dim=1)


def accuracy(logp, labels):
    return (logp.argmax(1) == labels).float().mean().item()


def run(seed=0):
    torch.manual_seed(seed)
    x, y, edges = block_graph(seed=seed)
    adj = gcn_matrix(edges, len(x))
    tr, va, te = split_nodes(y, seed=seed)
    print(f"{len(x)} nodes, {edges.shape[1] // 2} edges, {len(tr)} labelled")

    net = GCN(x.shape[1], 32, int(y.max()) + 1, drop=0.5)
    opt = torch.optim.Adam([
        {"params": net.gc1.parameters(), "weight_decay": 5e-4},
        {"params": net.gc2.parameters(), "weight_decay": 0.0},
    ], lr=0.01)

    best, best_state, wait = float("inf"), None, 0
    for epoch in range(1, 401):
        net.train()
        opt.zero_grad()
        loss = F.nll_loss(net(x, adj)[tr], y[tr])
        loss.backward()
        opt.step()

        net.eval()
        with torch.no_grad():
            logp = net(x, adj)
            vloss = F.nll_loss(logp[va], y[va]).item()
        if vloss < best:
            best, wait = vloss, 0
            best_state = copy.deepcopy(net.state_dict())
        else:
            wait += 1
        if epoch % 50 == 0:
            print(f"epoch {epoch:3d}  train {loss.item():.3f}  val {vloss:.3f}  val acc {accuracy(logp[va], y[va]):.3f}")
        if wait >= 60 and epoch > 150:
            break

    net.load_state_dict(best_state)
    net.eval()
    with torch.no_grad():
        print(f"test accuracy {accuracy(net(x, adj)[te], y[te]):.3f} on {len(te)} nodes")


if __name__ == "__main__":
    run()
