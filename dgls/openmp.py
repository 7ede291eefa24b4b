"""How torch's threads wait for each other, set for OpenMP before it is loaded."""

from __future__ import annotations

WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "20000"}
"""Environment variables.

Each operation of a network ends with its slowest thread. A waiting thread spins for some 20 µs and
then sleeps. Sleeping at once would cost a network of a thousand small operations half of its time;
spinning on would take a core from other programs, such as a compiler.
"""
