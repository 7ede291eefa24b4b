"""The request formats of other clients, one module for each server that they were written for.

A dialect reads a body into a `Question`, and writes the fill in the form that its clients expect.
Nothing here knows the engine or HTTP.
"""

from __future__ import annotations

from dgls.engine.dialects import llama_cpp, mistral, openai
from dgls.engine.dialects.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (llama_cpp.DIALECT, openai.DIALECT, mistral.DIALECT)
"""Every dialect, each with the path that its clients post to."""
