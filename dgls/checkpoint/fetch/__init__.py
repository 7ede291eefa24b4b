"""Fetches a model of the catalogue: one file per source, of which only the hash is trusted."""
