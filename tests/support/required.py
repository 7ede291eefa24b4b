"""Skips that count as failures: in continuous runs a test must run if its needs are installed."""

from __future__ import annotations

from collections.abc import Iterable

VARIABLE = "DGLS_TESTS_REQUIRED"
"""Markers whose tests must not be skipped, with commas between them."""


def why_not_skipped(required: str, markers: Iterable[str], reason: str) -> str:
    """Why a skipped test with these markers counts as failed; "" if it may be skipped."""
    wanted = {name.strip() for name in required.split(",")} & set(markers)
    if not wanted:
        return ""
    return f"Skipped, but {VARIABLE} asks for {', '.join(sorted(wanted))}: {reason}"
