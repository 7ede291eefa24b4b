"""`dgls eval typing`: typing sessions replayed, and what a user would have seen of suggestions."""
