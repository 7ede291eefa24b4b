"""How dgls gets into an editor: its configuration, written with care, and a try-out of it."""
