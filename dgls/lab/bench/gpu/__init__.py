"""`dgls bench gpu`: the published model at its full size with random weights, measured in one run.

`run.py` has the order of the parts and what they may cost, `parts.py` what each measures.
"""
