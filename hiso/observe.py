"""What the policies of an in-process run see of a cell: the numbers that would cross the wire, rounded as there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator import state as st
from ran_emulator.cell import Cell, SecondWindow
from ran_emulator.phy.beam_reports import BeamReporter
from ran_emulator.phy.codes import HWI_MODELS
from ran_emulator.scenario import SLICE_NAMES, SLOTS_PER_SECOND, Scenario
from xapps.slicing.observation import (
    BeamReports,
    BudgetContext,
    LearningDetail,
    SecondReport,
    SliceContext,
    SlotObservation,
    SlotOutcome,
)

SLICES = range(len(SLICE_NAMES))


def slice_contexts(scenario: Scenario, control_delay_slots: int) -> tuple[SliceContext, ...]:
    """What each slice's policy knows beforehand, as the slot function's definition says it."""
    return tuple(
        SliceContext(
            slice_id=slice_id,
            min_rate_bps=part.min_rate_bps,
            ssr_threshold=_float32(part.ssr_threshold),
            antennas=scenario.antennas,
            beams=scenario.antennas,
            control_delay_slots=control_delay_slots,
            access=scenario.access,
            precoder=scenario.precoder,
        )
        for slice_id, part in enumerate(scenario.slices.in_order())
    )


def slice_context(cell: Cell, slice_id: int) -> SliceContext:
    """What the policy of a cell's slice knows beforehand."""
    return slice_contexts(cell.scenario, cell.control_delay_slots)[slice_id]


def budget_context(scenario: Scenario, control_delay_slots: int) -> BudgetContext:
    """What an inter-slice policy knows beforehand, as the budget function's definition says it."""
    return BudgetContext(
        total_bandwidth_hz=scenario.total_bandwidth_hz,
        total_power_w=_float32(scenario.total_power_w),
        bandwidth_floor_hz=scenario.bandwidth_floor_hz,
        power_floor_w=_float32(scenario.power_floor_w),
        control_delay_slots=control_delay_slots,
    )


def second_report(window: SecondWindow, total_bandwidth_hz: int) -> SecondReport:
    """A closed second as the budget INSERT carries it; eta in bit/s/Hz (Eq. 17), mean over all slots."""
    eta = window.sums[:, st.SUM_RATE] / SLOTS_PER_SECOND / total_bandwidth_hz
    return SecondReport(
        second=window.second,
        slot=window.slot,
        offered_packets=window.counts[:, st.OFFERED],
        offered_bits=window.counts[:, st.OFFERED_BITS],
        ssr=window.ssr(),
        queued_bits=window.queued_bits,
        bandwidth_hz=window.bandwidth_hz,
        power_w=window.power_w,
        slice_eta_bps_hz=eta.astype(np.float32),
        eta_bps_hz=_float32(eta.sum()),
        hwi_model=HWI_MODELS.index(window.hwi.model),
        kappa_t=_float32(window.hwi.kappa_t),
        kappa_r=_float32(window.hwi.kappa_r),
    )


class SliceObserver:
    """One slice of a cell, seen as its xApp would see it; looks at the cell's arrays and never changes them."""

    def __init__(self, cell: Cell, slice_id: int, learning_detail: bool, compact: bool = False) -> None:
        """`learning_detail`: outcomes carry gains, and arrays are copies that a learner may keep.

        `compact`: beam reports stand in the place of the gains over the codebook.
        """
        self.slice_id = slice_id
        self._reporter = BeamReporter() if compact else None
        self._learning_detail = learning_detail
        self._cell = cell.state.cell[0]
        self._slice = cell.state.slices[slice_id]
        frame = cell.state.frames[slice_id]
        self._frame = frame
        self._user_ids: Any = frame["user_ids"]
        self._queue_bits: Any = frame["queue_bits"]
        self._head_age_us: Any = frame["head_age_us"]
        self._ssr: Any = frame["ssr"]
        self._last_outcome: Any = frame["last_outcome"]
        self._beam_gains: Any = cell.state.frame_gains[slice_id]
        self._outcome = cell.state.outcomes[slice_id]
        self._outcome_gains: Any = cell.state.outcome_gains[slice_id]
        self._outcomes: list[SlotOutcome] = []

    def group_size(self) -> int:
        """Users that this slot's frame asks a decision for."""
        return int(self._frame["count"])

    def observation(self) -> SlotObservation:
        """This slot's frame, with all outcomes recorded since the frame before."""
        count = self.group_size()
        bandwidth_hz = int(self._slice["decided_bandwidth_hz"])
        outcomes, self._outcomes = self._outcomes, []
        beam_gains = self._beam_gains[:count]
        reports: BeamReports | None = None
        if self._reporter is not None:
            reports = self._taken(self._reporter.reports(count, self._last_outcome, self._beam_gains))
            beam_gains = beam_gains[:, :0]
        return SlotObservation(
            slice_id=self.slice_id,
            decided_slot=int(self._frame["decided_slot"]),
            observed_slot=int(self._cell["slot"]),
            bandwidth_hz=bandwidth_hz,
            power_w=float(self._slice["decided_power_w"]),
            noise_w=_float32(self._cell["noise_w_per_hz"] * bandwidth_hz),
            hwi_model=int(self._cell["hwi_model"]),
            kappa_t=float(self._cell["kappa_t"]),
            kappa_r=float(self._cell["kappa_r"]),
            user_ids=self._taken(self._user_ids[:count]),
            queue_bits=self._taken(self._queue_bits[:count]),
            head_age_us=self._taken(self._head_age_us[:count]),
            ssr=self._taken(self._ssr[:count]),
            last_outcome=self._taken(self._last_outcome[:count]),
            beam_gains=self._taken(beam_gains),
            beam_reports=reports,
            outcomes=outcomes,
        )

    def record_outcome(self) -> None:
        """Keep what the slot just executed gave to this slice, for its next frame."""
        outcome = self._outcome
        count = int(outcome["count"])
        if count == 0:
            return
        self._outcomes.append(
            SlotOutcome(
                slot=int(outcome["slot"]),
                common_power_w=float(outcome["common_power_w"]),
                bandwidth_hz=int(outcome["bandwidth_hz"]),
                power_w=float(outcome["power_w"]),
                user_ids=outcome["user_ids"][:count].copy(),
                beams=outcome["beams"][:count].copy(),
                private_power_w=outcome["private_power_w"][:count].copy(),
                common_sdnr=outcome["common_sdnr"][:count].copy(),
                common_share=outcome["common_share"][:count].copy(),
                private_sdnr=outcome["private_sdnr"][:count].copy(),
                private_rate=outcome["private_rate"][:count].copy(),
                rate_bps=outcome["rate_bps"][:count].copy(),
                sent_bits=outcome["sent_bits"][:count].copy(),
                decision_source=outcome["decision_source"][:count].copy(),
                learning_detail=self._detail(outcome, count) if self._learning_detail else None,
            )
        )
        del self._outcomes[: -st.MAX_KEPT_OUTCOMES]

    def _detail(self, outcome: Any, count: int) -> LearningDetail:
        return LearningDetail(
            beam_gains=self._outcome_gains[:count].copy(),
            common_gain=outcome["common_gain"][:count].copy(),
            channel_gain=outcome["channel_gain"][:count].copy(),
            noise_w=float(outcome["noise_w"]),
            hwi_model=int(outcome["hwi_model"]),
            kappa_t=float(outcome["kappa_t"]),
            kappa_r=float(outcome["kappa_r"]),
        )

    def last_outcome(self) -> SlotOutcome:
        """The outcome recorded last, which stays for the next frame."""
        return self._outcomes[-1]

    def _taken(self, view: Any) -> Any:
        return view.copy() if self._learning_detail else view


def _float32(value: Any) -> float:
    return float(np.float32(value))
