"""What an edit means for the rest of the code: recent edits in, offers out. Knows no model."""
