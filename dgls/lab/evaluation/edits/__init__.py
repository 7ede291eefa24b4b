"""`dgls eval edits`: what is offered after an edit, on release pairs and on small sessions."""
