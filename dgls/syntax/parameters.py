"""The node kinds of the grammars in which the parameters of a function are."""

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
