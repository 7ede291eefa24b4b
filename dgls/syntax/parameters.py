"""The node kinds of a function's parameters in the grammars."""

from __future__ import annotations

PARAMETERS = frozenset(
    {
        "parameters",
        "formal_parameters",
        "parameter_list",
        "function_value_parameters",
        "method_parameters",
        "block_parameters",
        "lambda_parameters",
        "closure_parameters",
    }
)
