"""What an inter-slice policy chooses from: bandwidth splits and power splits that hold C1-C4 (Eq. 19, 20)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xapps.slicing.observation import SLICE_NAMES, BudgetContext, Budgets
from xapps.slicing.options import DEFAULT_OPTIONS

POWER_OFFSETS_DB = (
    (0.0, 0.0, 0.0),
    *(tuple(offset if s == index else 0.0 for s in range(3)) for index in range(3) for offset in (10.0, -10.0, 20.0)),
)
"""Power actions: equal, or one slice raised by 10 dB, lowered by 10 dB, raised by 20 dB."""

BandwidthSplit = tuple[int, int, int]
PowerSplit = tuple[float, float, float]


class BudgetError(ValueError):
    """Totals, floors or a split from which no valid budgets follow; the message names field and range."""


def check_context(context: BudgetContext) -> None:
    """Check that floors fit into totals.

    Raises:
        BudgetError: a value is out of range.
    """
    slices = len(SLICE_NAMES)
    if context.bandwidth_floor_hz < 1 or context.total_bandwidth_hz < slices * context.bandwidth_floor_hz:
        raise BudgetError(
            f"bandwidth_floor_hz: must be 1 Hz to a third of total_bandwidth_hz "
            f"({context.total_bandwidth_hz} Hz), not {context.bandwidth_floor_hz} Hz"
        )
    # Written so that a NaN fails too.
    if not (context.power_floor_w >= 0 and slices * context.power_floor_w <= context.total_power_w < np.inf):
        raise BudgetError(
            f"power_floor_w: must be 0 W to a third of total_power_w "
            f"({context.total_power_w:g} W), not {context.power_floor_w:g} W"
        )
    if context.total_power_w <= 0:
        raise BudgetError(f"total_power_w: must be above 0 W, not {context.total_power_w:g} W")


def bandwidth_grid(
    context: BudgetContext, step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz
) -> tuple[BandwidthSplit, ...]:
    """All splits in steps above the floor (C3), each of the exact total (C4): 15 for 10 MHz, floors of 2 MHz.

    Args:
        context: totals and floors.
        step_hz: width of a step.

    Returns:
        Splits in Hz, ordered by the first slice's bandwidth, then the second's.

    Raises:
        BudgetError: what the floors leave is no multiple of the step.
    """
    check_context(context)
    floor_hz = context.bandwidth_floor_hz
    free_hz = context.total_bandwidth_hz - len(SLICE_NAMES) * floor_hz
    steps, remainder = divmod(free_hz, step_hz)
    if remainder:
        raise BudgetError(
            f"total_bandwidth_hz: less three times bandwidth_floor_hz must be a multiple of {step_hz} Hz, "
            f"not {free_hz} Hz"
        )
    return tuple(
        (
            floor_hz + first * step_hz,
            floor_hz + second * step_hz,
            floor_hz + (steps - first - second) * step_hz,
        )
        for first in range(steps + 1)
        for second in range(steps - first + 1)
    )


def nearest_split(grid: npt.NDArray[np.int64], wanted_hz: npt.NDArray[np.float64]) -> BandwidthSplit:
    """The split of a grid [A, S] at the least squared distance from the wanted one [S]; of equal ones the first."""
    first_hz, second_hz, last_hz = grid[int(np.argmin(((grid - wanted_hz) ** 2).sum(axis=1)))].tolist()
    return first_hz, second_hz, last_hz


def power_split(context: BudgetContext, shares: npt.NDArray[np.float64]) -> PowerSplit:
    """The floor for every slice (C1), and what is left in the given shares; the sum is the total (C2).

    Args:
        context: totals and floors.
        shares: [S], not negative, of sum 1.

    Returns:
        Watts, each a float32 value.
    """
    free_w = context.total_power_w - len(SLICE_NAMES) * context.power_floor_w
    watts = (context.power_floor_w + free_w * shares).astype(np.float32)
    return float(watts[0]), float(watts[1]), float(watts[2])


def equal_power(context: BudgetContext) -> PowerSplit:
    """A third of the power for each slice, in watts."""
    return power_split(context, np.full(len(SLICE_NAMES), 1 / len(SLICE_NAMES)))


def power_actions(context: BudgetContext) -> tuple[PowerSplit, ...]:
    """The power splits of `POWER_OFFSETS_DB`, renormalised above the floors.

    Returns:
        Splits in watts, each a float32 value.

    Raises:
        BudgetError: the floors do not fit.
    """
    check_context(context)
    gains = 10 ** (np.array(POWER_OFFSETS_DB) / 10)
    return tuple(power_split(context, row / row.sum()) for row in gains)


def equal_budgets(context: BudgetContext) -> Budgets:
    """A third of each resource for every slice; Hz that do not divide go to the first slices.

    Raises:
        BudgetError: the floors do not fit.
    """
    check_context(context)
    third_hz, rest_hz = divmod(context.total_bandwidth_hz, len(SLICE_NAMES))
    first_hz, second_hz, last_hz = (third_hz + (index < rest_hz) for index in range(len(SLICE_NAMES)))
    return Budgets((first_hz, second_hz, last_hz), equal_power(context))


def constant_budgets(context: BudgetContext, megahertz: tuple[float, float, float]) -> Budgets:
    """A given bandwidth split with equal powers.

    Args:
        context: totals and floors.
        megahertz: bandwidth of each slice in MHz.

    Raises:
        BudgetError: a slice below its floor (C3), or a sum that is not the total (C4).
    """
    check_context(context)
    floor_hz, total_hz = context.bandwidth_floor_hz, context.total_bandwidth_hz
    if not np.all(np.isfinite(megahertz)):
        raise BudgetError(f"constant: bandwidths must be numbers in MHz, not {megahertz}")
    first_hz, second_hz, last_hz = (round(value * 1e6) for value in megahertz)
    largest_hz = total_hz - (len(SLICE_NAMES) - 1) * floor_hz
    for slice_name, bandwidth_hz in zip(SLICE_NAMES, (first_hz, second_hz, last_hz), strict=True):
        if bandwidth_hz < floor_hz:
            raise BudgetError(
                f"constant: {slice_name} must have {floor_hz / 1e6:g} to {largest_hz / 1e6:g} MHz, "
                f"not {bandwidth_hz / 1e6:g} MHz (C3)"
            )
    if first_hz + second_hz + last_hz != total_hz:
        raise BudgetError(
            f"constant: the bandwidths must sum to {total_hz / 1e6:g} MHz, "
            f"not {(first_hz + second_hz + last_hz) / 1e6:g} MHz (C4)"
        )
    return Budgets((first_hz, second_hz, last_hz), equal_power(context))
