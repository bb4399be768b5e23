"""Steer the script's own loop: snapshot and restore, fences, and batches of our choice."""
