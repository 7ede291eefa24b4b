"""Brings a model of the catalogue onto this machine: one file a source, the hash trusted alone."""
