"""Recent edits in, offers for related edits elsewhere out. Knows no model."""
