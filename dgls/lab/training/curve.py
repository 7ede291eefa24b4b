"""The loss curves of a run as one SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dgls.lab.training.run_folder import LogLine

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 360, 48, 36, 28
_SERIES = (
    ("canvas", "canvas, training", "#1f77b4", 1.2),
    ("causal", "causal, training", "#d62728", 1.2),
    ("heldout_canvas", "canvas, held out", "#0b3d66", 2.4),
    ("heldout_causal", "causal, held out", "#7a1113", 2.4),
)


def write_curve(history: Sequence[LogLine], file: Path) -> None:
    """Draw cross-entropy in nats per token against minutes of training."""
    minutes = max((line.seconds / 60 for line in history), default=1.0) or 1.0
    highest = max((max(line.canvas, line.causal) for line in history), default=1.0)
    body = [*_axes(minutes, highest)]
    for index, (name, label, colour, width) in enumerate(_SERIES):
        points = [
            _place(line.seconds / 60 / minutes, value / highest)
            for line in history
            if (value := getattr(line, name)) is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{path}"/>'
        )
        y = _TOP + 16 * index
        body.append(f'<text x="{_WIDTH - 150}" y="{y}" fill="{colour}">{label}</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    )
    file.write_text("\n".join([head, *body, "</svg>\n"]), encoding="utf-8")


def _place(across: float, up: float) -> tuple[float, float]:
    width, height = _WIDTH - _LEFT - 12, _HEIGHT - _BOTTOM - _TOP
    return _LEFT + across * width, _TOP + (1 - up) * height


def _axes(minutes: float, highest: float) -> list[str]:
    lines: list[str] = []
    for value in range(int(highest) + 1):
        x, y = _place(0, value / highest)
        lines.append(f'<path d="M{x} {y:.1f}H{_WIDTH - 12}" stroke="#ddd"/>')
        lines.append(f'<text x="{x - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for part in range(5):
        x, y = _place(part / 4, 0)
        label = f"{minutes * part / 4:.3g}"
        lines.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{label}</text>')
    x, y = _place(0.5, 0)
    lines.append(f'<text x="{x}" y="{y + 32}" text-anchor="middle">minutes</text>')
    lines.append(f'<text x="8" y="{_TOP - 12}">cross-entropy, nats per token</text>')
    return lines
