"""`dgls eval instructions`: edits by instruction, checked by running the result."""
