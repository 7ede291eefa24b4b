"""The network of the published models on CUDA: few kernels, each weight read once a step.

Where to begin reading: `network.py` (what it offers), `body.py` (one pass over the layers),
`step.py` (one denoise step, captured as a CUDA graph). Every operation exists twice, in `plain.py`
for torch on any device and in `triton_operations.py` with the kernels of `kernels/`; tests hold
the two equal.
"""
