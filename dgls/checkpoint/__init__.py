"""Checkpoints: which models exist, where they are on this machine, and how they are read."""
