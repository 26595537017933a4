"""References that know what no xApp can: the slot's own channel, and the second to come. For runs in process."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hiso.bounds.split_tables import SplitWorlds
from hiso.oracle_kernel import oracle_decision, true_gains
from ran_emulator.cell import Cell
from ran_emulator.scenario import MAX_GROUP_USERS, Scenario
from xapps.slicing.inter.actions import equal_power
from xapps.slicing.inter.base import InterPolicy
from xapps.slicing.inter.coma2c import TUNED
from xapps.slicing.observation import BudgetContext, Budgets, SecondReport, SlotDecision, SlotObservation
from xapps.slicing.rewards import SliceChannels


class ReferenceRunError(ValueError):
    """A run in which a reference means nothing; the message names the field and what is allowed."""


def check_oracle(scenario: Scenario, control_delay_slots: int) -> None:
    """Whether the oracle's rates are those of the cell: users share the slice's band, beams are the codebook's.

    Raises:
        ReferenceRunError: they are not, or its slot is not the one that it sees.
    """
    if control_delay_slots:
        raise ReferenceRunError(
            f"control-delay-slots: the oracle decides the slot it sees: 0, not {control_delay_slots}"
        )
    if scenario.access not in ("rsma", "sdma"):
        raise ReferenceRunError(f"access: the oracle needs rsma or sdma, not {scenario.access}")
    if scenario.precoder != "codebook":
        raise ReferenceRunError(f"precoder: the oracle needs codebook, not {scenario.precoder}")
    if scenario.common_beam != "random":
        raise ReferenceRunError(f"common_beam: the oracle needs random, not {scenario.common_beam}")


def slice_channels(
    observation: SlotObservation,
    scenario: Scenario,
    beam_gains: npt.NDArray[np.float32],
    common_gain: npt.NDArray[np.float32],
    channel_gain: npt.NDArray[np.float32],
) -> SliceChannels:
    """What the rates of a group under its budgets follow from, of gains [K.., N], [K..] and [K..]."""
    count = len(observation.user_ids)
    return SliceChannels(
        beam_gains=beam_gains[:count],
        common_gain=common_gain[:count],
        channel_gain=channel_gain[:count],
        antennas=scenario.antennas,
        common_stream=scenario.access == "rsma",
        bandwidth_hz=float(observation.bandwidth_hz),
        power_w=float(observation.power_w),
        noise_w=float(observation.noise_w),
        hwi_model=int(observation.hwi_model),
        kappa_t=float(observation.kappa_t),
        kappa_r=float(observation.kappa_r),
    )


def oracle_on(channels: SliceChannels) -> SlotDecision:
    """`oracle_decision` for the group of `channels`."""
    count = len(channels.beam_gains)
    beams, private_power_w = np.zeros(MAX_GROUP_USERS, np.int16), np.zeros(MAX_GROUP_USERS, np.float32)
    common_w = float(oracle_decision(channels, beams, private_power_w))
    return SlotDecision(beams[:count], private_power_w[:count], common_w)


class OracleAgent:
    """One slice's `oracle_decision`, on the true channels of the slot."""

    def __init__(self, cell: Cell) -> None:
        """Of a cell that runs at D = 0."""
        self._cell = cell
        beams = cell.scenario.antennas
        self._gains = np.zeros((MAX_GROUP_USERS, beams), np.float32)
        self._common_gain = np.zeros(MAX_GROUP_USERS, np.float32)
        self._channel_gain = np.zeros(MAX_GROUP_USERS, np.float32)

    def on_observation(self, observation: SlotObservation) -> SlotDecision:
        """The decision for the group; of the observation it takes who and under which budgets."""
        count = len(observation.user_ids)
        state, scenario = self._cell.state, self._cell.scenario
        true_gains(
            state,
            observation.slice_id,
            count,
            np.asarray(observation.user_ids).copy(),
            self._gains,
            self._common_gain,
            self._channel_gain,
        )
        return oracle_on(slice_channels(observation, scenario, self._gains, self._common_gain, self._channel_gain))


class Clairvoyant(InterPolicy):
    """The best split of each second by the tuned agents' objective, known beforehand or one second late, or by utility.

    It looks at every split of the same world's next second, under the intra-slice policy of the run and equal powers.
    """

    def __init__(self, name: str, context: BudgetContext, make_worlds: Callable[[], SplitWorlds]) -> None:
        """One of `REFERENCE_INTER`; `make_worlds`: the run's world, from slot 0."""
        super().__init__(name)
        self._late = name == "clairvoyant-late"
        self._sla_weight = 0.0 if name == "clairvoyant-utility" else TUNED.sla_weight
        self._power_w = equal_power(context)
        self._worlds = make_worlds()

    def on_second(self, report: SecondReport, triggered: bool) -> Budgets | None:  # noqa: ARG002
        """The best split of the second that begins, or late of the one that ends (none before slot 0)."""
        if self._late and report.second == 0:
            return None
        tables = self._worlds.second()
        best = int(tables.objective(self._sla_weight)[0].argmax())
        first_hz, second_hz, last_hz = tables.splits_hz[best].tolist()
        return Budgets((first_hz, second_hz, last_hz), self._power_w)
