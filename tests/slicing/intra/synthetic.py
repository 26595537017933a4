"""Channels, observations and outcomes of our own for the tests: model.md's geometry without queues or time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xapps.slicing.observation import LearningDetail, SliceContext, SlotDecision, SlotObservation, SlotOutcome
from xapps.slicing.rewards import SliceChannels, spectral_efficiencies

F64 = npt.NDArray[np.float64]

ANTENNAS = 128
PATHS = 4
BANDWIDTH_HZ = 5_500_000
POWER_W = 1000.0 / 3.0
K_MIX = (0.16, 0.23, 0.24, 0.18, 0.11, 0.08)
"""Share of slots with 1..6 active eMBB users at base load."""


def embb_context(slice_id: int = 1, antennas: int = ANTENNAS) -> SliceContext:
    return SliceContext(
        slice_id=slice_id,
        min_rate_bps=15e6,
        ssr_threshold=0.95,
        antennas=antennas,
        beams=antennas,
        control_delay_slots=0,
        access="rsma",
        precoder="codebook",
    )


@dataclass
class Snapshot:
    """Channels of one slot's group."""

    beam_gains: npt.NDArray[np.float32]  # [K, N]
    common_gain: npt.NDArray[np.float32]  # [K]
    channel_gain: npt.NDArray[np.float32]  # [K]


def noise_w(bandwidth_hz: int = BANDWIDTH_HZ) -> float:
    return float(10 ** (-174 / 10 - 3) * bandwidth_hz)


def draw_snapshot(rng: np.random.Generator, users: int | None = None, antennas: int = ANTENNAS) -> Snapshot:
    """h = sqrt(beta / L) A g (Eq. 6-8) of users anywhere in the area; DFT codebook, random-phase common beam."""
    count = int(rng.choice(len(K_MIX), p=K_MIX)) + 1 if users is None else users
    position = rng.uniform(-120, 120, (count, 2))
    distance_m = np.maximum(np.hypot(position[:, 0], position[:, 1]), 5.0)
    loss_db = 120.9 + 37.6 * np.log10(distance_m / 1000) + rng.normal(0, 8, count)
    azimuth = np.arctan2(position[:, 1], position[:, 0])[:, None]
    departure = azimuth + np.deg2rad(rng.uniform(-1.5, 1.5, (count, PATHS)))
    phase = np.pi * np.cos(departure)[:, :, None] * np.arange(antennas)  # [K, L, N]
    gain = (rng.normal(size=(count, PATHS)) + 1j * rng.normal(size=(count, PATHS))) / np.sqrt(2)
    amplitude = np.sqrt(10 ** (-loss_db / 10) / PATHS)
    channel = amplitude[:, None] * np.einsum("kl,kln->kn", gain, np.exp(1j * phase))
    common = np.exp(2j * np.pi * rng.uniform(size=antennas)) / np.sqrt(antennas)
    return Snapshot(
        beam_gains=(np.abs(np.fft.fft(channel.conj(), axis=1)) ** 2 / antennas).astype(np.float32),
        common_gain=(np.abs(channel.conj() @ common) ** 2).astype(np.float32),
        channel_gain=(np.abs(channel) ** 2).sum(axis=1).astype(np.float32),
    )


def observe(
    snapshot: Snapshot,
    slot: int = 0,
    user_ids: npt.NDArray[np.uint16] | None = None,
    kappa: float = 1e-3,
    last_outcome: npt.NDArray[np.float32] | None = None,
    outcomes: list[SlotOutcome] | None = None,
    power_w: float = POWER_W,
) -> SlotObservation:
    count = len(snapshot.beam_gains)
    return SlotObservation(
        slice_id=1,
        decided_slot=slot,
        observed_slot=slot,
        bandwidth_hz=BANDWIDTH_HZ,
        power_w=float(np.float32(power_w)),
        noise_w=noise_w(),
        hwi_model=0,
        kappa_t=kappa,
        kappa_r=kappa,
        user_ids=np.arange(17, 17 + count, dtype=np.uint16) if user_ids is None else user_ids,
        queue_bits=np.full(count, 7200, np.uint32),
        head_age_us=np.zeros(count, np.uint32),
        ssr=np.ones(count, np.float32),
        last_outcome=np.zeros((count, 7), np.float32) if last_outcome is None else last_outcome,
        beam_gains=snapshot.beam_gains,
        outcomes=outcomes or [],
    )


def slice_channels(
    snapshot: Snapshot, hwi_model: int, kappa_t: float, kappa_r: float, common_stream: bool = True
) -> SliceChannels:
    return SliceChannels(
        beam_gains=snapshot.beam_gains,
        common_gain=snapshot.common_gain,
        channel_gain=snapshot.channel_gain,
        antennas=snapshot.beam_gains.shape[1],
        common_stream=common_stream,
        bandwidth_hz=float(BANDWIDTH_HZ),
        power_w=POWER_W,
        noise_w=noise_w(),
        hwi_model=hwi_model,
        kappa_t=kappa_t,
        kappa_r=kappa_r,
    )


def common_power_w(observation: SlotObservation, decision: SlotDecision) -> float:
    if decision.common_power_w is not None:
        return decision.common_power_w
    return max(0.0, observation.power_w - float(decision.private_power_w.astype(np.float64).sum()))


def etas(snapshot: Snapshot, observation: SlotObservation, decision: SlotDecision) -> F64:
    """bit/s/Hz of each user under a decision."""
    channels = slice_channels(snapshot, observation.hwi_model, observation.kappa_t, observation.kappa_r)
    channels = channels._replace(noise_w=observation.noise_w)
    common_w = common_power_w(observation, decision)
    eta = np.zeros(len(decision.beams))
    spectral_efficiencies(len(eta), decision.beams, decision.private_power_w, common_w, channels, eta)
    return eta


def execute(snapshot: Snapshot, observation: SlotObservation, decision: SlotDecision) -> SlotOutcome:
    """The outcome of a decision, with learning detail."""
    eta = etas(snapshot, observation, decision)
    count = len(eta)
    zeros = np.zeros(count, np.float32)
    return SlotOutcome(
        slot=observation.decided_slot,
        common_power_w=common_power_w(observation, decision),
        bandwidth_hz=observation.bandwidth_hz,
        power_w=observation.power_w,
        user_ids=observation.user_ids,
        beams=decision.beams,
        private_power_w=decision.private_power_w,
        common_sdnr=zeros,
        common_share=zeros,
        private_sdnr=zeros,
        private_rate=zeros,
        rate_bps=(eta * observation.bandwidth_hz).astype(np.float32),
        sent_bits=np.full(count, 7200, np.uint32),
        decision_source=np.zeros(count, np.uint8),
        learning_detail=LearningDetail(
            beam_gains=snapshot.beam_gains,
            common_gain=snapshot.common_gain,
            channel_gain=snapshot.channel_gain,
            noise_w=observation.noise_w,
            hwi_model=observation.hwi_model,
            kappa_t=observation.kappa_t,
            kappa_r=observation.kappa_r,
        ),
    )
