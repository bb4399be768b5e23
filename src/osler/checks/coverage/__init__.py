"""Honesty of the tool: what it could not see."""
