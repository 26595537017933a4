"""What the RAN refuses: budgets that break C1-C4, decisions that break C7-C10, C12 or name what it does not have.

C6 and C11 are outcomes (reported, never refused); C13 and C14 hold by construction of the rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ran_emulator import slot
from ran_emulator.scenario import SLICE_NAMES, Scenario


class Refused(ValueError):  # noqa: N818 - E2AP's word for it
    """A control that is not carried out; nothing has changed.

    Attributes:
        constraint: the paper's constraint (C1 ... C12) or the field.
    """

    def __init__(self, constraint: str, text: str) -> None:
        """`constraint`: which rule; `text`: the field, the value and the allowed range."""
        super().__init__(f"{constraint}: {text}")
        self.constraint = constraint
        self.text = text


def check_budgets(scenario: Scenario, bandwidth_hz: Sequence[int], power_w: Sequence[float]) -> None:
    """C1-C4 of a set of budgets.

    Raises:
        Refused: naming the constraint, the slice, the value and the range.
    """
    if len(bandwidth_hz) != len(SLICE_NAMES) or len(power_w) != len(SLICE_NAMES):
        raise Refused("budgets", f"one budget for each of {', '.join(SLICE_NAMES)} is needed")
    for name, hz, watts in zip(SLICE_NAMES, bandwidth_hz, power_w, strict=True):
        if not math.isfinite(watts):
            raise Refused("power_w", f"{name}: {watts} is not a finite number")
        floor_w = scenario.power_floor_w
        if watts < floor_w * (1 - 1e-6):
            raise Refused("C1", f"{name}: power_w {watts:g} is below the floor {floor_w:g} W")
        if hz < scenario.bandwidth_floor_hz:
            raise Refused("C3", f"{name}: bandwidth_hz {hz} is below the floor {scenario.bandwidth_floor_hz} Hz")
    total_w = float(np.sum(np.asarray(power_w, np.float64)))
    if abs(total_w - scenario.total_power_w) > 1e-6 * scenario.total_power_w:
        raise Refused("C2", f"power_w sums to {total_w:g} W, not to {scenario.total_power_w:g} W (within 1e-6)")
    if sum(bandwidth_hz) != scenario.total_bandwidth_hz:
        raise Refused("C4", f"bandwidth_hz sums to {sum(bandwidth_hz)} Hz, not to {scenario.total_bandwidth_hz} Hz")


def decision_refusal(rule: int, power_w: float, antennas: int) -> Refused:
    """What `slot.check_decision` found, where that is not VALID, at a budget of power_w and so many beams."""
    return {
        slot.PRIVATE_NOT_FINITE: Refused("private_power_w", "must be finite numbers, at least 0 W"),
        slot.PRIVATE_NEGATIVE: Refused("C7", "private_power_w must be at least 0 W"),
        slot.NO_SUCH_BEAM: Refused("C12", f"beams must be codebook indices 0..{antennas - 1}"),
        slot.COMMON_NOT_FINITE: Refused("common_power_w", "must be a finite number, at least 0 W"),
        slot.ABOVE_BUDGET: Refused(
            "C8-C10", f"private and common powers sum to more than the slice's {power_w:g} W (within 1e-6)"
        ),
    }[rule]
