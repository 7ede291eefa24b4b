"""`dgls stats`: what was shown and accepted on this machine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Annotated

import typer

from dgls.cli.options import AsJson
from dgls.counts import Count, Kind, counts_file, read_counts
from dgls.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(stats)


def stats(
    clear: Annotated[bool, typer.Option("--clear", help="Delete all counts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print how many suggestions were shown, accepted and kept, by language and latency.

    The counts are in a file on this machine. It holds no code and is never sent.
    """
    path = counts_file()
    if clear:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path} could not be deleted ({error.strerror}).") from error
        typer.echo(json.dumps({"removed": str(path)}) if as_json else f"{path} is removed.")
        return
    counts = read_counts(path)
    if as_json:
        typer.echo(stats_json(counts))
        return
    typer.echo(stats_table(counts) if counts else f"There are no counts in {path} yet.")


def stats_table(counts: Mapping[Kind, Count]) -> str:
    """The counts as a Markdown table, sorted by language and latency."""
    lines = [
        "| language | shown within | shown | accepted | kept 30 s |",
        "|---|---|---|---|---|",
    ]
    for kind, count in _sorted(counts):
        within = "longer" if kind.within_ms == float("inf") else f"{kind.within_ms:g} ms"
        accepted = _with_share(count.accepted, count.shown)
        kept = _with_share(count.kept, count.accepted)
        lines.append(f"| {kind.language} | {within} | {count.shown} | {accepted} | {kept} |")
    return "\n".join(lines)


def stats_json(counts: Mapping[Kind, Count]) -> str:
    """The counts as a JSON list; `within_ms` is null for the slowest class, which has no bound."""
    rows = [
        {
            "language": kind.language,
            "within_ms": None if kind.within_ms == float("inf") else kind.within_ms,
            **dataclasses.asdict(count),
        }
        for kind, count in _sorted(counts)
    ]
    return json.dumps(rows, ensure_ascii=False)


def _sorted(counts: Mapping[Kind, Count]) -> list[tuple[Kind, Count]]:
    return sorted(counts.items(), key=lambda each: (each[0].language, each[0].within_ms))


def _with_share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else str(part)
