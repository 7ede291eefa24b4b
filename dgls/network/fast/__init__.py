"""The network of the published models on CUDA: few kernels, each weight read once per step.

Start reading at `network.py` (its interface), `body.py` (one pass over the layers) and `step.py`
(one denoise step, captured as a CUDA graph). Every operation has two implementations: in `plain.py`
for torch on any device, and in `triton_operations.py` with the kernels of `kernels/`. Tests compare
the two.
"""
