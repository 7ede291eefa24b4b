"""Triton kernels. Only `network.fast.triton_*` imports them, as Triton may be missing.

Shapes in comments are those of the tensors that the pointers stand for. All arithmetic is in
fp32; what is stored is rounded to the type of the tensor that it is stored in.
"""
