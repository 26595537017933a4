"""Inter-slice policies by name, and the simple ones."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from xapps.slicing.inter.actions import (
    bandwidth_grid,
    check_context,
    constant_budgets,
    equal_budgets,
    equal_power,
    nearest_split,
    power_actions,
    power_split,
)
from xapps.slicing.inter.base import InterPolicy, InterPolicyError, InterWeights, keyed_rng
from xapps.slicing.inter.coma2c import COMA2C_CONFIGS, CoMA2C
from xapps.slicing.inter.rewards import SSR_WEIGHTS
from xapps.slicing.inter.seconds import SecondSequence, offered_packets
from xapps.slicing.observation import SLICE_NAMES, BudgetContext, Budgets, SecondReport
from xapps.slicing.options import DEFAULT_OPTIONS

_PLAIN_NAMES = (*COMA2C_CONFIGS, "random", "greedy", "equal", "load-proportional", "ssr-pi")

INTER_NAMES = (*_PLAIN_NAMES, "constant:A,B,C")
"""Names that `make_inter_policy` knows; A, B, C stand for MHz."""

_CONSTANT = re.compile(r"constant:([0-9.]+),([0-9.]+),([0-9.]+)")


class Constant(InterPolicy):
    """The same budgets for ever: said at the first report (empty or not), after a gap, in a new world."""

    def __init__(self, name: str, budgets: Budgets) -> None:
        """Budgets that hold C1-C4."""
        super().__init__(name)
        self._budgets = budgets
        self._sequence = SecondSequence()

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:  # noqa: ARG002
        """The budgets where they may not be in force yet, else keep."""
        return None if self._sequence.follows(report.second) else self._budgets


class Random(InterPolicy):
    """A random bandwidth split and a random power action each second, whatever the trigger says."""

    def __init__(self, context: BudgetContext, seed: int, step_hz: int) -> None:
        """Splits in steps of `step_hz`; draws are keyed by seed and second."""
        super().__init__("random")
        self._bandwidths = bandwidth_grid(context, step_hz)
        self._powers = power_actions(context)
        self._seed = seed
        keyed_rng(seed, "policy.inter")  # a seed that is out of range fails here, not in the first second

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:  # noqa: ARG002
        """Random budgets; keeps in second 0."""
        if report.second == 0:
            return None
        rng = keyed_rng(self._seed, "policy.inter", report.second)
        bandwidth = self._bandwidths[int(rng.integers(len(self._bandwidths)))]
        return Budgets(bandwidth, self._powers[int(rng.integers(len(self._powers)))])


class Greedy(InterPolicy):
    """Floors for every slice, the rest of both resources for the slice with most traffic in packets."""

    def __init__(self, context: BudgetContext) -> None:
        """Totals and floors."""
        super().__init__("greedy")
        check_context(context)
        self._context = context

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets by the second's largest load; keeps where nothing was offered."""
        loads = offered_packets(report)
        if not triggered or not np.any(loads > 0):
            return None
        largest = int(np.argmax(loads))
        floor_hz = self._context.bandwidth_floor_hz
        bandwidth_hz = [floor_hz] * len(SLICE_NAMES)
        bandwidth_hz[largest] = self._context.total_bandwidth_hz - (len(SLICE_NAMES) - 1) * floor_hz
        shares = np.eye(len(SLICE_NAMES))[largest]
        return Budgets((bandwidth_hz[0], bandwidth_hz[1], bandwidth_hz[2]), power_split(self._context, shares))


class LoadProportional(InterPolicy):
    """Floors for every slice, the rest in proportion to packets (nearest split of the grid); equal power."""

    def __init__(self, context: BudgetContext, step_hz: int) -> None:
        """Totals and floors; splits in steps of `step_hz`."""
        super().__init__("load-proportional")
        self._context = context
        self._grid = np.array(bandwidth_grid(context, step_hz))
        self._power_w = equal_power(context)

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets by the second's loads; keeps where nothing was offered."""
        loads = offered_packets(report)
        if not triggered or not np.any(loads > 0):
            return None
        floor_hz = self._context.bandwidth_floor_hz
        free_hz = self._context.total_bandwidth_hz - len(SLICE_NAMES) * floor_hz
        wanted_hz = floor_hz + free_hz * loads / loads.sum()
        return Budgets(nearest_split(self._grid, wanted_hz), self._power_w)


class SsrPi(InterPolicy):
    """A PI controller between eMBB and uRLLC on their SSR; VoNR has its floor, powers are equal.

    With e = w_u (T - SSR_u) - w_m (T - SSR_m), u uRLLC, m eMBB, w the utility's SSR weights: I <- leak I + k_i e, uRLLC
    gets I + k_p e above its floor, eMBB the rest; the nearest split of the grid is taken. Both the integral and the
    answer stay in 0..what the floors leave, so nothing winds up.
    """

    target_ssr = 0.97
    """T: above C6's .95, so that there is something to regulate before it is missed."""
    gain_hz = 10e6
    """k_p, Hz for a weighted shortfall of 1."""
    integral_gain_hz = 5e6
    """k_i, a second."""
    leak = 0.9
    """What a second leaves of the integral."""

    def __init__(self, context: BudgetContext, step_hz: int) -> None:
        """Totals and floors; splits in steps of `step_hz`."""
        super().__init__("ssr-pi")
        self._grid = np.array(bandwidth_grid(context, step_hz))
        self._power_w = equal_power(context)
        self._floor_hz = context.bandwidth_floor_hz
        self._free_hz = context.total_bandwidth_hz - len(SLICE_NAMES) * context.bandwidth_floor_hz
        self._sequence = SecondSequence()
        self._integral_hz = 0.0

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:
        """Budgets by the shortfalls; it integrates in every second with traffic, and begins anew after a gap."""
        loads = offered_packets(report)
        if not self._sequence.follows(report.second):
            self._integral_hz = 0.0
        if not np.any(loads > 0):
            return None
        _, embb, urllc = (np.array(SSR_WEIGHTS) * (self.target_ssr - np.asarray(report.ssr, np.float64))).tolist()
        error = urllc - embb
        self._integral_hz = self._limited(self.leak * self._integral_hz + self.integral_gain_hz * error)
        if not triggered:
            return None
        above_hz = self._limited(self._integral_hz + self.gain_hz * error)
        wanted_hz = self._floor_hz + np.array([0.0, self._free_hz - above_hz, above_hz])
        return Budgets(nearest_split(self._grid, wanted_hz), self._power_w)

    def _limited(self, above_hz: float) -> float:
        return min(max(above_hz, 0.0), float(self._free_hz))


def check_inter_name(name: str) -> None:
    """Check that a name is one of `INTER_NAMES`; whether a constant's MHz fit is for `make_inter_policy`.

    Raises:
        InterPolicyError: unknown name.
    """
    if name not in _PLAIN_NAMES and not _CONSTANT.fullmatch(name):
        raise InterPolicyError(f"inter: {name!r} is none of {', '.join(INTER_NAMES)} (A, B, C in MHz)")


def make_inter_policy(
    name: str,
    context: BudgetContext,
    seed: int,
    weights: InterWeights | None = None,
    learning: bool = False,
    step_hz: int = DEFAULT_OPTIONS.bandwidth_step_hz,
) -> InterPolicy:
    """An inter-slice policy by its name.

    Args:
        name: one of `INTER_NAMES`.
        context: totals and floors of the node.
        seed: of the policy's own draws, at least 0.
        weights: of a policy that has networks; None: untrained ones, drawn from the seed.
        learning: whether actions are sampled, for a learner; only policies that have networks learn.
        step_hz: of the grid of bandwidths, where the policy takes one of a grid.

    Raises:
        InterPolicyError: unknown name, weights that do not fit, or weights or learning where nothing learns.
        BudgetError: the context, or a constant split, from which no valid budgets follow.
    """
    check_inter_name(name)
    if name in COMA2C_CONFIGS:
        return CoMA2C(COMA2C_CONFIGS[name], context, seed, weights, learning, step_hz)
    if weights is not None or learning:
        raise InterPolicyError(f"inter: {name} does not learn: it takes neither weights nor learning")
    if match := _CONSTANT.fullmatch(name):
        return Constant(name, constant_budgets(context, _megahertz(name, match)))
    rules: dict[str, Callable[[], InterPolicy]] = {
        "equal": lambda: Constant(name, equal_budgets(context)),
        "random": lambda: Random(context, seed, step_hz),
        "greedy": lambda: Greedy(context),
        "ssr-pi": lambda: SsrPi(context, step_hz),
        "load-proportional": lambda: LoadProportional(context, step_hz),
    }
    return rules[name]()


def _megahertz(name: str, match: re.Match[str]) -> tuple[float, float, float]:
    try:
        return float(match[1]), float(match[2]), float(match[3])
    except ValueError as error:
        raise InterPolicyError(f"inter: {name!r} must hold three numbers of MHz, e.g. constant:2,6,2") from error
