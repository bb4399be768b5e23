"""Recorded series in the formats of others, one file of this package each."""
