"""Teaches an unchanged causal fill-in-the-middle model to draft several tokens per pass."""
