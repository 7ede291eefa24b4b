"""Sets dgls up in an editor: its configuration, written with care, and a test of it."""
