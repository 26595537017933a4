"""Observations and reports as an emulator would send them, from the contracts alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hiso_proto import e2sm_budgets_pb2 as budgets_pb2
from hiso_proto import e2sm_slot_pb2 as slot_pb2

from xapps.slicing.observation import SliceContext

BEAMS = 128
EMBB = SliceContext(1, 15e6, 0.95, BEAMS, BEAMS, 0, "rsma", "codebook")


def outcome(rng: np.random.Generator, slot: int, users: list[int], detail: bool = True) -> slot_pb2.SlotOutcome:
    count = len(users)

    def reals(*shape: int) -> bytes:
        return rng.exponential(size=shape or (count,)).astype("<f4").tobytes()

    message = slot_pb2.SlotOutcome(
        slot=slot,
        common_power_w=100.0,
        bandwidth_hz=3_300_000,
        power_w=333.0,
        user_ids=np.array(users, "<u2").tobytes(),
        beams=rng.integers(0, BEAMS, count).astype("<i2").tobytes(),
        private_power_w=reals(),
        common_sdnr=reals(),
        common_share=reals(),
        private_sdnr=reals(),
        private_rate=reals(),
        rate_bps=reals(),
        sent_bits=rng.integers(0, 10_000, count).astype("<u4").tobytes(),
        decision_source=np.zeros(count, "u1").tobytes(),
    )
    if detail:
        message.beam_gains = reals(count, BEAMS)
        message.common_gain = reals()
        message.channel_gain = reals()
        message.noise_w, message.hwi_model = 2.5e-14, slot_pb2.AGGREGATE
        message.kappa_t, message.kappa_r = 0.02, 0.03
    return message


def observation(
    slot: int, users: list[int], outcomes: list[slot_pb2.SlotOutcome] | None = None, seed: int = 1
) -> tuple[bytes, bytes]:
    """Header and message of a slot INSERT."""
    rng = np.random.default_rng([seed, slot])
    count = len(users)
    header = slot_pb2.IndicationHeader(decided_slot=slot, observed_slot=slot, slice_id=1)
    message = slot_pb2.IndicationMessage(
        bandwidth_hz=3_300_000,
        power_w=333.0,
        noise_w=1.3e-14,
        hwi_model=slot_pb2.PAPER,
        kappa_t=1e-3,
        kappa_r=1e-3,
        user_ids=np.array(users, "<u2").tobytes(),
        queue_bits=rng.integers(1, 50_000, count).astype("<u4").tobytes(),
        head_age_us=rng.integers(0, 10_000, count).astype("<u4").tobytes(),
        ssr=np.ones(count, "<f4").tobytes(),
        last_outcome=rng.exponential(size=(count, 7)).astype("<f4").tobytes(),
        beam_gains=rng.exponential(1e-9, size=(count, BEAMS)).astype("<f4").tobytes(),
        outcomes=outcomes or [],
    )
    return header.SerializeToString(), message.SerializeToString()


def report(second: int, packets: tuple[int, int, int] = (200, 5_500, 280), **fields: Any) -> tuple[bytes, bytes]:
    """Header and message of a budget INSERT."""
    header = budgets_pb2.IndicationHeader(second=second, slot=2_000 * second)
    slices = [
        budgets_pb2.SliceReport(
            slice_id=index,
            offered_packets=count,
            offered_bits=320 * count,
            ssr=0.99,
            queued_bits=7,
            bandwidth_hz=3_300_000 + index,
            power_w=333.3,
            eta_bps_hz=5.5,
        )
        for index, count in enumerate(packets)
    ]
    message = budgets_pb2.IndicationMessage(slices=slices, eta_bps_hz=16.5, **fields)
    return header.SerializeToString(), message.SerializeToString()
