"""Semi-supervised node classification on a stochastic block model graph."""
import argparse
import copy
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import data    # noqa: E402,F401
import models  # noqa: E402,F401
from registry import DATASETS, MODELS  # noqa: E402


class NodeTrainer:
    def __init__(self, model, graph, lr, weight_decay, patience):
        self.model, self.graph, self.patience = model, graph, patience
        self.optimizer = torch.optim.Adam([
            {'params': model.fc1.parameters(), 'weight_decay': weight_decay},
            {'params': model.fc2.parameters(), 'weight_decay': 0.0},
        ], lr=lr)

    def train_step(self):
        g = self.graph
        self.model.train()
        self.optimizer.zero_grad()
        logits = self.model(g.x, g.adj)
        loss = F.cross_entropy(logits[g.train_mask], g.y[g.train_mask])
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, mask):
        self.model.eval()
        g = self.graph
        logits = self.model(g.x, g.adj)
        loss = F.cross_entropy(logits[mask], g.y[mask]).item()
        acc = (logits[mask].argmax(1) == g.y[mask]).float().mean().item()
        return loss, acc

    def fit(self, epochs, log_every=50):
        best_loss, best_state, waited = float('inf'), None, 0
        for epoch in range(1, epochs + 1):
            loss = self.train_step()
            val_loss, val_acc = self.accuracy(self.graph.val_mask)
            if val_loss < best_loss:
                best_loss, waited = val_loss, 0
                best_state = copy.deepcopy(self.model.state_dict())
            else:
                waited += 1
                if waited >= self.patience:
                    print(f'  early stop at epoch {epoch}')
                    break
            if epoch % log_every == 0:
                print(f'  epoch {epoch:4d} loss {loss:.4f} val_loss {val_loss:.4f} '
                      f'val_acc {val_acc:.3f}')
        self.model.load_state_dict(best_state)
        return best_loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--models', nargs='+', default=['mlp', 'gcn', 'appnp'])
    parser.add_argument('--hidden', type=int, default=32)
    parser.add_argument('--epochs', type=int, default=600)
    parser.add_argument('--patience', type=int, default=80)
    parser.add_argument('--lr', type=float, default=0.01)
    parser.add_argument('--weight-decay', type=float, default=5e-3)
    parser.add_argument('--seed', type=int, default=11)
    args = parser.parse_args()

    graph = DATASETS.build('sbm', seed=args.seed)
    counts = graph.y[graph.test_mask].bincount()
    print(f'nodes {len(graph.y)}, train {int(graph.train_mask.sum())}, '
          f'majority {counts.max().item() / counts.sum().item():.3f}')
    for name in args.models:
        torch.manual_seed(args.seed)
        model = MODELS.build(name, in_dim=graph.x.size(1), hidden=args.hidden,
                             num_classes=graph.num_classes)
        trainer = NodeTrainer(model, graph, args.lr, args.weight_decay, args.patience)
        print(name)
        trainer.fit(args.epochs)
        loss, acc = trainer.accuracy(graph.test_mask)
        print(f'  test loss {loss:.4f} acc {acc:.4f}')


if __name__ == '__main__':
    main()
