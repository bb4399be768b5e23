"""Osler inside other programs: one module each."""
