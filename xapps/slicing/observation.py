"""What a slicing policy sees and says: plain arrays, the same in process and behind the RIC.

Everything that crosses the wire is float32 or integer, and both hosts round at the same place: here.
K users in ascending order of id, N codebook beams.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
F32 = npt.NDArray[np.float32]
BeamReports = npt.NDArray[np.void]
"""Records of `ran_emulator.phy.beam_reports.BEAM_REPORT`."""

SLICE_NAMES = ("vonr", "embb", "urllc")
SOURCE_CONTROL = 0
"""`decision_source` of a user who was served as its agent decided."""


@dataclass(frozen=True, slots=True)
class SliceContext:
    """What does not change while a node is connected (its slot function's definition)."""

    slice_id: int
    min_rate_bps: float
    ssr_threshold: float
    antennas: int
    beams: int
    control_delay_slots: int
    access: str
    precoder: str


@dataclass(slots=True)
class LearningDetail:
    """What the rates of an executed slot followed from, for who learns from it."""

    beam_gains: F32  # [K, N]
    common_gain: F32  # [K], |h^H v|^2
    channel_gain: F32  # [K], ||h||^2
    noise_w: float  # in the slice's band
    hwi_model: int
    kappa_t: float
    kappa_r: float


@dataclass(slots=True)
class SlotOutcome:
    """What one executed slot of a slice gave."""

    slot: int
    common_power_w: float
    bandwidth_hz: int
    power_w: float
    user_ids: U16  # [K]
    beams: I16  # [K]
    private_power_w: F32  # [K]
    common_sdnr: F32  # [K], Eq. 13
    common_share: F32  # [K], X_u in bit/s/Hz
    private_sdnr: F32  # [K], Eq. 14
    private_rate: F32  # [K], bit/s/Hz, Eq. 15
    rate_bps: F32  # [K]
    sent_bits: U32  # [K]
    decision_source: U8  # [K]
    learning_detail: LearningDetail | None = None


@dataclass(slots=True)
class SlotObservation:
    """State of one slice's group for the slot that it decides (Eq. 24, and what the tuned form adds)."""

    slice_id: int
    decided_slot: int
    observed_slot: int
    bandwidth_hz: int
    power_w: float
    noise_w: float
    hwi_model: int
    kappa_t: float
    kappa_r: float
    user_ids: U16  # [K]
    queue_bits: U32  # [K]
    head_age_us: U32  # [K]
    ssr: F32  # [K]
    last_outcome: F32  # [K, 7]: p_c W, SDNR_c, X bit/s/Hz, p_p W, SDNR_p, beam index, r_p bit/s/Hz
    beam_gains: F32  # [K, N]: |h^H c|^2 as known by CSI; [K, 0] where reports say it
    beam_reports: BeamReports | None = None  # [K], of a compact observation
    outcomes: list[SlotOutcome] = field(default_factory=list)


@dataclass(slots=True)
class SlotDecision:
    """Beams and powers of an observation's group, in its order."""

    beams: I16  # [K]
    private_power_w: F32  # [K]
    common_power_w: float | None  # None: what the private streams leave of P_s
    actions: I32 | None = None  # [K]: network output chosen, for the learner; not on the wire


@dataclass(slots=True)
class SecondReport:
    """One second of all slices, as the budget INSERT carries it."""

    second: int
    slot: int  # the first slot after that second
    offered_packets: npt.NDArray[np.int64]  # [S], Omega_s
    offered_bits: npt.NDArray[np.int64]  # [S]
    ssr: F32  # [S], Eq. 4
    queued_bits: npt.NDArray[np.int64]  # [S]
    bandwidth_hz: npt.NDArray[np.int64]  # [S], in force at the end of the second
    power_w: F32  # [S]
    slice_eta_bps_hz: F32  # [S]
    eta_bps_hz: float  # Eq. 17
    hwi_model: int  # in force at the end of the second, as are
    kappa_t: float
    kappa_r: float


@dataclass(frozen=True, slots=True)
class BudgetContext:
    """What does not change while a node is connected (its budget function's definition)."""

    total_bandwidth_hz: int
    total_power_w: float
    bandwidth_floor_hz: int
    power_floor_w: float
    control_delay_slots: int


@dataclass(slots=True)
class Budgets:
    """Slice budgets: C4 exact in Hz, C2 within 1e-6."""

    bandwidth_hz: tuple[int, int, int]
    power_w: tuple[float, float, float]
