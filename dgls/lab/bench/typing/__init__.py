"""`dgls eval typing`: replays typing sessions and counts what users would see of suggestions."""
