"""What multiplies a cell's arrivals: each slice's own factor, the mix of the regime, bursts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ran_emulator.scenario import SLOTS_PER_SECOND, Scenario
from ran_emulator.timeline import NEVER


@dataclass(slots=True)
class _Load:
    scale: float
    mix: float = 1.0
    burst: float = 1.0
    burst_end_slot: int = NEVER


class Loads:
    """Load factors of a cell's slices, kept in its records: load = scale x mix x burst."""

    def __init__(self, scenario: Scenario, slices: Any, rng: np.random.Generator) -> None:
        """`slices`: SLICE [S], whose `load` is set here; `rng` draws which regime comes, and for how long."""
        self._slices = slices
        self._scenario = scenario
        self._rng = rng
        self._loads = [_Load(part.load_scale) for part in scenario.slices.in_order()]
        self.regime: int | None = None
        self.regime_fixed = False
        self._regime_end_slot = NEVER
        for slice_id in range(len(self._loads)):
            self._set(slice_id)
        if scenario.regimes is not None:
            self._enter_regime(int(rng.integers(len(scenario.regimes.mixes))), 0)

    @property
    def next_slot(self) -> int:
        """The first slot at whose start a regime or a burst ends."""
        return min(self._regime_end_slot, *(load.burst_end_slot for load in self._loads))

    def apply(self, slot: int) -> None:
        """Switch the regime and end the bursts whose ends are due at a slot's start."""
        while slot >= self._regime_end_slot:
            assert self._scenario.regimes is not None
            others = [index for index in range(len(self._scenario.regimes.mixes)) if index != self.regime]
            self._enter_regime(others[int(self._rng.integers(len(others)))], slot)
        for slice_id, load in enumerate(self._loads):
            if slot >= load.burst_end_slot:
                load.burst, load.burst_end_slot = 1.0, NEVER
                self._set(slice_id)

    def set_scale(self, slice_id: int, scale: float) -> None:
        """Change a slice's own factor."""
        self._loads[slice_id].scale = scale
        self._set(slice_id)

    def burst(self, slice_id: int, factor: float, end_slot: int) -> None:
        """Multiply a slice's load until a slot; it takes the place of a burst that is under way."""
        load = self._loads[slice_id]
        load.burst, load.burst_end_slot = factor, end_slot
        self._set(slice_id)

    def set_regime(self, index: int | None, slot: int) -> None:
        """Hold one regime's mix from a slot on; None: let them switch again, from this one.

        Raises:
            ValueError: the scenario has no regimes, or not this one.
        """
        regimes = self._scenario.regimes
        if regimes is None:
            raise ValueError(f"regime: scenario {self._scenario.name!r} has no regimes")
        if index is not None and not 0 <= index < len(regimes.mixes):
            raise ValueError(f"regime: must be 0..{len(regimes.mixes) - 1} (given {index})")
        assert self.regime is not None
        self.regime_fixed = index is not None
        self._enter_regime(self.regime if index is None else index, slot)

    def _enter_regime(self, index: int, slot: int) -> None:
        regimes = self._scenario.regimes
        assert regimes is not None
        self.regime = index
        for slice_id, factor in enumerate(regimes.mixes[index].in_order()):
            self._loads[slice_id].mix = factor
            self._set(slice_id)
        self._regime_end_slot = NEVER
        if not self.regime_fixed:
            dwell_s = self._rng.uniform(regimes.dwell_min_s, regimes.dwell_max_s)
            self._regime_end_slot = slot + max(1, round(dwell_s * SLOTS_PER_SECOND))

    def _set(self, slice_id: int) -> None:
        load = self._loads[slice_id]
        self._slices[slice_id]["load"] = load.scale * load.mix * load.burst
