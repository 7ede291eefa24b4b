"""How torch's threads wait for each other, told to OpenMP before it is loaded."""

from __future__ import annotations

WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "20000"}
"""Variables of the environment.

Each operation of a network ends when its slowest thread does. A thread that waits spins for some
20 µs and then sleeps: waking it at once costs a network of a thousand small operations half of its
time, and one that spins on takes the core that it waits for, where a compiler runs beside it.
"""
