"""`python -m dgls` is `dgls`."""

from dgls.cli.main import main

main()
