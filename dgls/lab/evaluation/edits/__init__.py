"""`dgls eval edits`: offers after an edit, measured on release pairs and small sessions."""
