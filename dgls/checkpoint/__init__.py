"""Checkpoints: which models there are, where they live on this machine, and how they are read."""
