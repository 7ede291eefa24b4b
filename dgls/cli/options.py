"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Language = Annotated[
    str | None, typer.Option(help="The language, if the file's name does not tell.")
]
ModelName = Annotated[
    str | None,
    typer.Option(
        help="`embedded`, a name from `dgls model list`, a folder (./... or absolute), or "
        "owner/name in the Hugging Face cache."
    ),
]
