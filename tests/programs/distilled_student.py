"""Knowledge distillation: a student of 700 weights learns from a teacher that has seen all the labels.

The student has labels for 100 digits; on all the others it hears the teacher's soft answers only.
"""
from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

TEMPERATURE = 3.0


class Teacher(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.Dropout2d(0.1),
            nn.Conv2d(12, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(32 * 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x.view(-1, 1, 8, 8)).flatten(1))


class Student(nn.Module):
    def __init__(self, width: int = 9) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, width), nn.Linear(width, 10)
        self.drop = nn.Dropout(0.05)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.drop(torch.tanh(self.first(x))))


def validate(model: nn.Module, loader: DataLoader) -> tuple[float, float]:
    was_training = model.training
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += F.cross_entropy(logits, y, reduction="sum").item()
            hits += (logits.argmax(1) == y).sum().item()
            n += len(y)
    model.train(was_training)
    return loss / n, hits / n


def train_teacher(loader: DataLoader, test_loader: DataLoader, epochs: int = 2) -> Teacher:
    teacher = Teacher()
    optimizer = torch.optim.Adam(teacher.parameters(), 3e-3)
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(teacher(x), y).backward()
            optimizer.step()
        loss, acc = validate(teacher, test_loader)
        print(f"teacher {epoch}: test loss {loss:.3f}, acc {acc:.3f}")
    return teacher


def distill(teacher: Teacher, loader: DataLoader, test_loader: DataLoader, epochs: int = 12) -> Student:
    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad_(False)
    student = Student()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[7, 10], gamma=0.3)
    soft_loss = nn.KLDivLoss(reduction="batchmean", log_target=True)
    for epoch in range(epochs):
        sums = torch.zeros(2)
        for x, y in loader:
            logits = student(x)
            with torch.no_grad():
                soft = F.log_softmax(teacher(x) / TEMPERATURE, dim=-1)
            kd = soft_loss(F.log_softmax(logits / TEMPERATURE, dim=-1), soft) * TEMPERATURE**2
            known = y != -1
            if known.any():
                ce = F.cross_entropy(logits, y, ignore_index=-1)
            else:
                ce = logits.new_zeros(())
            loss = 0.9 * kd + 0.1 * ce
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sums += torch.tensor([kd.item(), ce.item()])
        scheduler.step()
        if epoch % 4 == 3:
            loss, acc = validate(student, test_loader)
            kd, ce = (sums / len(loader)).tolist()
            print(f"student {epoch}: kd {kd:.3f} ce {ce:.3f} test loss {loss:.3f} acc {acc:.3f}")
    return student


def main() -> None:
    torch.manual_seed(41)
    x, y = load_digits(return_X_y=True)
    x_fit, x_test, y_fit, y_test = train_test_split(x / 8 - 1, y, test_size=0.25, stratify=y, random_state=41)
    x_fit, x_test = torch.tensor(x_fit).float(), torch.tensor(x_test).float()
    y_fit, y_test = torch.tensor(y_fit), torch.tensor(y_test)
    test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=150)
    teacher = train_teacher(DataLoader(TensorDataset(x_fit, y_fit), batch_size=48, shuffle=True), test_loader)
    few = y_fit.clone()
    few[torch.randperm(len(few))[100:]] = -1
    student = distill(teacher, DataLoader(TensorDataset(x_fit, few), batch_size=64, shuffle=True), test_loader)
    agree = (student(x_test).argmax(1) == teacher(x_test).argmax(1)).float().mean()
    print(f"student and teacher agree on {agree:.1%} of the test digits")


if __name__ == "__main__":
    main()
