"""dgls, the DiffusionGemma Language Server: code filled in where the cursor is."""

__version__ = "0.2.0"
