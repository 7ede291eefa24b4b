"""Triton kernels. Only `network.fast.triton_*` imports them, because Triton may be missing.

Shapes in docstrings are those of the tensors that the pointers refer to. All arithmetic is in fp32;
results are rounded to the type of the tensor that stores them.
"""
