"""Osler, the doctor for PyTorch training: watch an unmodified script and say what is wrong with it."""

__version__ = "0.1.0"
