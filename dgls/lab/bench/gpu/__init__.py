"""`dgls bench gpu`: the full-size published model with random weights, measured in one run.

`run.py` has the order of the parts and their time limits, `parts.py` what each measures.
"""
