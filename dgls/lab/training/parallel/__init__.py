"""Teaches a causal fill-in-the-middle model to draft several tokens a pass, without changing it."""
