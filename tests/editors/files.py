"""The files that the tests of editors open."""

from __future__ import annotations

from tests.editors.home import ROOT

SHAPES = (ROOT / "fixtures" / "overfit" / "shapes.py").read_text(encoding="utf-8")
"""A file that the trained model has memorized."""

AREA = "return math.pi * radius ** 2"
"""A line of it."""

HEAD = 'def square_area(side):\n    """Return the area of a square."""\n'
"""A function without a body, which the other model knows."""
