"""Skips that are failures: where a continuous run has installed what a test needs, it must run."""

from __future__ import annotations

from collections.abc import Iterable

VARIABLE = "DGLS_TESTS_REQUIRED"
"""Markers whose tests must not be skipped, with commas between them."""


def why_not_skipped(required: str, markers: Iterable[str], reason: str) -> str:
    """Why a skipped test with these markers counts as failed; empty where it may be skipped."""
    wanted = {name.strip() for name in required.split(",")} & set(markers)
    if not wanted:
        return ""
    return f"Skipped, but {VARIABLE} asks for {', '.join(sorted(wanted))}: {reason}"
