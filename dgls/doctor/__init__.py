"""What `dgls doctor` finds out. Knows no torch, so that it answers at once and on any machine."""
