"""Paired snapshots: policies compared on the same channels and queues, one slot each, no feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiso.bounds.references import slice_channels
from hiso.observe import SliceObserver, budget_context, slice_context
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.inter.actions import equal_power
from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy
from xapps.slicing.observation import SlotDecision, SlotObservation, SlotOutcome
from xapps.slicing.rewards import SliceChannels, spectral_efficiencies

WARM_UP_SLOTS = 400
SNAPSHOT_SLOTS = 20
"""Between one and the next of a slice, at least."""

_BANDWIDTH_HZ = (2_000_000, 6_000_000, 2_000_000)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One slice's observation, and the channels that its decision meets."""

    observation: SlotObservation
    channels: SliceChannels


def take_snapshots(scenario: Scenario, seed: int, slice_id: int, count: int, driver: str = "slnr") -> list[Snapshot]:
    """Snapshots of a slice in a world that `driver` serves at D = 0 under 2/6/2 MHz and equal power."""
    cell = Cell(scenario, seed)
    cell.fix_budgets(_BANDWIDTH_HZ, equal_power(budget_context(scenario, 0)))
    observers = [SliceObserver(cell, index, learning_detail=True) for index in range(len(SLICE_NAMES))]
    drivers = [make_intra_policy(driver, slice_context(cell, index), seed) for index in range(len(SLICE_NAMES))]
    snapshots: list[Snapshot] = []
    next_slot = WARM_UP_SLOTS
    limit = cell.slot + 600 * SLOTS_PER_SECOND
    while len(snapshots) < count and cell.slot < limit:
        cell.begin_slot()
        taken: SlotObservation | None = None
        for observer, policy in zip(observers, drivers, strict=True):
            if observer.group_size() == 0:
                continue
            observation = observer.observation()
            decision = policy.decide(observation)
            cell.submit(
                observer.slice_id,
                observation.decided_slot,
                decision.beams,
                decision.private_power_w,
                decision.common_power_w,
            )
            if observer.slice_id == slice_id and cell.slot >= next_slot:
                taken = observation
        cell.execute_slot()
        observers[slice_id].record_outcome()
        if taken is not None:
            outcome: SlotOutcome = observers[slice_id].last_outcome()
            if np.array_equal(outcome.user_ids, taken.user_ids):
                detail = outcome.learning_detail
                assert detail is not None
                channels = slice_channels(taken, scenario, taken.beam_gains, detail.common_gain, detail.channel_gain)
                snapshots.append(Snapshot(taken, channels))
                next_slot = cell.slot + SNAPSHOT_SLOTS
    return snapshots


def slice_rate(snapshot: Snapshot, decision: SlotDecision) -> float:
    """Sum rate of the slice under a joint decision, bit/s/Hz in its band."""
    channels = snapshot.channels
    count = len(channels.beam_gains)
    private_power_w = np.asarray(decision.private_power_w, np.float32)
    rest_w = max(0.0, channels.power_w - float(private_power_w.sum(dtype=np.float64)))
    common_w = rest_w if decision.common_power_w is None else float(decision.common_power_w)
    if not channels.common_stream:
        common_w = 0.0
    eta = np.zeros(count)
    spectral_efficiencies(count, np.asarray(decision.beams, np.int16), private_power_w, common_w, channels, eta)
    return float(eta.sum())


def mean_rate(snapshots: Sequence[Snapshot], policy: IntraPolicy) -> float:
    """Mean sum rate of a policy over snapshots, bit/s/Hz."""
    return float(np.mean([slice_rate(s, policy.decide(s.observation)) for s in snapshots]))
