"""The findings of `dgls doctor`. Knows no torch, so that it answers fast on any machine."""
