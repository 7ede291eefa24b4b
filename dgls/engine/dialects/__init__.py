"""How other people's clients ask for a fill, one module per server that they were written for.

A dialect reads a body into a `Question`, and writes what was filled the way its clients expect it.
Nothing here knows the engine or HTTP.
"""

from __future__ import annotations

from dgls.engine.dialects import llama_cpp, mistral, openai
from dgls.engine.dialects.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (llama_cpp.DIALECT, openai.DIALECT, mistral.DIALECT)
"""Every dialect, each with the path that its clients post to."""
