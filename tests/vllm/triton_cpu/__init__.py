"""A Triton backend that only says "cpu": `install.py` copies it into the installed triton.

vLLM's kernels for DiffusionGemma are Triton kernels. Triton's interpreter runs them on a CPU
(`TRITON_INTERPRET=1`) and never asks a backend to compile, but vLLM and Triton look for one.
"""
