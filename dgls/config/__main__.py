"""`python -m dgls.config` prints `docs/settings.md`."""

from dgls.config.settings import page

print(page(), end="")
