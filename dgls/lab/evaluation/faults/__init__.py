"""`dgls eval faults`: answers that must not be shown, and places where one must be.

The cases are in `*.toml` beside this file, one file for each kind of fault.
"""
