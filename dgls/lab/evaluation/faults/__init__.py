"""`dgls eval faults`: answers that must not come, and places where one must.

The cases are in `*.toml` beside this file, one file for each kind of fault.
"""
