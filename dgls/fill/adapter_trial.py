"""Times one-line fills with and without an adapter, one place at a time, and acts on the result."""

from __future__ import annotations

import contextlib
import itertools
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from dgls.checkpoint.adapter_trial import Trial, fingerprint, write_trial
from dgls.fill.causal import CausalFiller
from dgls.fill.stop import StopToken
from dgls.protocol import READ_AHEAD, FillRequest, Trigger

PLACES = 15
_TRIES = 2 * PLACES
_BUSY = 1.3
"""If a CPU fill's wall time exceeds its processor time by this factor, other programs are busy."""

_SOURCE = Path(__file__).with_name("gap_work.py")
_BEFORE, _AFTER = 1200, 480


class AdapterTrial:
    """The trial of a filler's adapter. Until it has ended, fills run without the adapter.

    Fills that shared the CPU with other programs do not count. If most did, there is no result, and
    the next engine tries again.
    """

    def __init__(self, filler: CausalFiller, folder: Path, adapter: Path) -> None:
        """`folder` is the model's folder, where the result is kept; `adapter` is a file."""
        self._filler = filler
        self._folder = folder
        self._adapter = adapter
        self._places = itertools.cycle(_places())
        self._tries = 0
        self._times: dict[bool, list[float]] = {False: [], True: []}
        self.result: Trial | None = None

    def step(self) -> bool:
        """Time one more place: two fills and one prompt. False once the trial has ended."""
        if len(self._times[True]) == PLACES:
            self._end()
            return False
        if self._tries == _TRIES:
            _log.info("The adapter was not tried, because other programs use the CPU.")
            return False
        self._tries += 1
        place = next(self._places)
        # The second fill finds the caches warm, so they take turns.
        order = (False, True) if self._tries % 2 else (True, False)
        times = {masks: self._time(place, masks=masks) for masks in order}
        alone = {masks: spent for masks, spent in times.items() if spent is not None}
        if len(alone) == len(order):
            for masks, spent in alone.items():
                self._times[masks].append(spent)
        return True

    def run(self, on_share: Callable[[float], None]) -> Trial | None:
        """Run the whole trial; `on_share` gets the share that is done, from 0 to 1."""
        while self.step():
            on_share(max(len(self._times[True]) / PLACES, self._tries / _TRIES))
        return self.result

    def _time(self, place: FillRequest, *, masks: bool) -> float | None:
        """Milliseconds of a fill whose prompt was read before, as during typing.

        None if other programs took the CPU from it.
        """
        model, before = self._filler.model, self._filler.model.drafting
        # A new filler does not remember the last fill at this place.
        fresh = self._filler.with_strategy(self._filler.strategy)
        model.drafting = replace(before, masks=masks)
        try:
            fresh.fill(FillRequest(place.parts, path=place.path, limits=READ_AHEAD), StopToken())
            began, used = time.perf_counter(), time.process_time()
            fresh.fill(place, StopToken())
            spent, used = time.perf_counter() - began, time.process_time() - used
            on_cpu = self._filler.model.network.device.type == "cpu"
            return None if on_cpu and spent > _BUSY * used else 1000 * spent
        finally:
            model.drafting = before

    def _end(self) -> None:
        without, with_ = (statistics.median(self._times[masks]) for masks in (False, True))
        self.result = Trial(fingerprint(self._adapter), PLACES, round(without, 1), round(with_, 1))
        with contextlib.suppress(OSError):
            # If the folder cannot be written, the next engine tries again.
            write_trial(self._folder, self.result)
        model = self._filler.model
        model.drafting = replace(model.drafting, masks=self.result.pays)
        if not self.result.pays:
            model.masks = None
        _log.info(
            "One-line fills took %.0f ms without and %.0f ms with the adapter: it is %s.",
            without,
            with_,
            "used" if self.result.pays else "left out",
        )


def _places() -> Iterator[FillRequest]:
    """Line ends spread over a source file that is always installed."""
    text = _SOURCE.read_text(encoding="utf-8")
    starts = [match for match in range(len(text)) if text[match : match + 3] == " = "]
    starts += [match for match in range(len(text)) if text[match : match + 7] == "return "]
    starts.sort()
    for index in range(PLACES):
        at = starts[index * len(starts) // PLACES]
        cut = text.index(" ", at + 1) + 1
        end = text.index("\n", cut)
        parts = text[max(0, cut - _BEFORE) : cut], text[end : end + _AFTER]
        # Automatic, because an explicit fill runs a search, which does not use the adapter.
        yield FillRequest(parts, path="gap_work.py", trigger=Trigger.AUTOMATIC)


_log = logging.getLogger(__name__)
