"""Options and the progress bar that several verbs of `dgls eval` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.private import MayRead, readable

if TYPE_CHECKING:
    from dgls.lab.evaluation.runner import OnDone


Count = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="At most this many cases.")]
Seed = Annotated[
    int,
    typer.Option(
        min=-(2**62), max=2**62, help="Chooses the cases; the same seed gives the same numbers."
    ),
]
Systems = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        help="nothing, copy, causal, greedy, revised, noise, dgls, typed, or infill=URL and "
        "infill-suffix-first=URL for a llama.cpp server; repeatable. By default all but "
        "typed, greedy and revised.",
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for the reports and all answers; a second run continues there."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Cut only from this language; repeatable, and each comes equally often. `all` means "
        "every language. By default: all but Markdown, HTML, CSS, SQL, YAML, TOML and JSON.",
    ),
]


def may_read(*trees: Path, allow_private: bool) -> MayRead:
    """Which files of these trees may be read; all of them with `allow_private`."""
    from dgls.config import resolve

    return readable(resolve(Path.cwd()), *trees, allow=allow_private)


@contextmanager
def progress(total: int) -> Iterator[OnDone]:
    """A bar on standard error, so that standard output has only the table."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda what, count: bar.update(task, description=what, advance=count)
