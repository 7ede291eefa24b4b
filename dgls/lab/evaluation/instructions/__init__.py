"""`dgls eval instructions`: edits by instruction, checked by running what they give."""
