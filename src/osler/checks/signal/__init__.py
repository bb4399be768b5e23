"""Initialisation and signal: does it flow?"""
