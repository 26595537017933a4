"""State of a cell as arrays of records: what one slot reads and writes, laid out for compiled code.

Records have a fixed type, whatever the number of users, so that kernels compile once; what depends on the number of
beams or the length of queues are plain arrays beside them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ran_emulator.phy.channel import half_turns
from ran_emulator.scenario import MAX_CONTROL_DELAY_SLOTS, MAX_CSI_DELAY_SLOTS, MAX_GROUP_USERS, PATHS, SLICE_NAMES

SLICES = len(SLICE_NAMES)
GROUP = MAX_GROUP_USERS
RING = 32
"""Slots of grants kept: more than the longest control delay."""
HELD_SLOTS = 20
"""A late user runs on its last decision if at most this old."""
DELAY_BINS = 1000
"""Bins of the delay histogram, over [0, L_max] of the slice."""
TRACE_BYTES = 1 << 16
MAX_KEPT_OUTCOMES = 64
"""Outcomes kept for the next frame of a slice: the latest."""
MEASUREMENTS = 32
"""Measurements of a user's channel kept: more than may be on their way, at one a slot and the longest CSI delay."""

assert RING > MAX_CONTROL_DELAY_SLOTS
assert MEASUREMENTS > MAX_CSI_DELAY_SLOTS + 1

SOURCE_CONTROL, SOURCE_HELD, SOURCE_DEFAULT = 0, 1, 2
RULE_WAIT, RULE_DEFAULT = 0, 1

CELL = np.dtype(
    [
        ("slot", np.int64),
        ("control_delay", np.int64),
        ("decision_period", np.int64),
        ("antennas", np.int64),
        ("access", np.int64),
        ("common_stream", np.int64),  # whether the access has one
        ("common_split", np.int64),
        ("codebook", np.int64),
        ("precoder", np.int64),
        ("common_beam", np.int64),
        ("coverage", np.int64),
        ("coverage_radius_m", np.float64),
        ("csi_perfect", np.int64),
        ("csi_delay", np.int64),
        ("csi_period", np.int64),
        ("csi_noise", np.float64),
        ("csi_since", np.int64),  # slot from which on these hold: older measurements do not count
        ("hwi_model", np.int64),
        ("kappa_t", np.float32),
        ("kappa_r", np.float32),
        ("noise_w_per_hz", np.float64),
        ("default_private_share", np.float64),
        ("side_m", np.float64),
        ("distance_floor_m", np.float64),
        ("path_loss_at_1km_db", np.float64),
        ("path_loss_slope_db", np.float64),
        ("shadowing_std_db", np.float64),
        ("traffic_key", np.uint64),
        ("size_key", np.uint64),
        ("injected_key", np.uint64),
        ("shadowing_key", np.uint64),
        ("fading_key", np.uint64),
        ("common_beam_key", np.uint64),
        ("csi_key", np.uint64),
        ("trace_length", np.int64),
    ],
    align=True,
)

USER = np.dtype(
    [
        # queue: ring of packets (packet_bits, packet_slot)
        ("head", np.int64),
        ("packets", np.int64),
        ("arrivals", np.int64),
        ("injected", np.int64),
        # geometry
        ("anchor_x_m", np.float64),
        ("anchor_y_m", np.float64),
        ("anchor_slot", np.int64),
        ("path_offset_rad", np.float64, (PATHS,)),
        ("path_cos", np.float64, (PATHS,)),
        ("geometry_slot", np.int64),
        ("amplitude", np.float64),  # sqrt(beta / L)
        ("shadowing_knot", np.int64),
        ("shadowing_low", np.float64),
        ("shadowing_high", np.float64),
        # fading
        ("fading_re", np.float64, (PATHS,)),
        ("fading_im", np.float64, (PATHS,)),
        ("fading_slot", np.int64),
        # loop
        ("grants_in_flight", np.int64),
        ("rate_bps", np.float64),  # of its last executed slot, 0: none yet
        ("held_slot", np.int64),
        ("held_beam", np.int64),
        ("held_power_w", np.float32),
        ("last_outcome", np.float32, (7,)),
        # measures
        ("ssr", np.float32),  # over the last closed second
        ("window_successes", np.int64),
        ("window_resolved", np.int64),
        ("total_successes", np.int64),
        ("total_resolved", np.int64),
    ],
    align=True,
)

SLICE = np.dtype(
    [
        ("first_user", np.int64),
        ("users", np.int64),
        ("min_rate_bps", np.float64),
        ("max_latency_slots", np.int64),
        ("bytes_min", np.int64),
        ("bytes_max", np.int64),
        ("arrival_parameters", np.float64, (3,)),
        ("load", np.float64),
        ("clock_ms", np.float64),  # operational time: runs at `load`
        ("next_arrival_ms", np.float64),  # the earliest of its users
        ("velocity_x_m_s", np.float64),
        ("velocity_y_m_s", np.float64),
        ("heading_x", np.float64),
        ("heading_y", np.float64),
        ("fading_rho", np.float64),
        ("shadowing_rho", np.float64),
        ("rule", np.int64),
        ("bandwidth_hz", np.int64),  # in force in this slot
        ("power_w", np.float32),
        ("decided_bandwidth_hz", np.int64),  # in force in the slot that is decided now
        ("decided_power_w", np.float32),
        ("last_granted", np.int64),
        ("last_default", np.int64),
        ("inject_next", np.int64),
        ("injected_drops", np.int64),  # of bursts by hand since the last slot, for the next one's outcome
        ("held_common_w", np.float32),  # of the last decision; -1: the rest
    ],
    align=True,
)

MEASUREMENT = np.dtype(
    [
        ("slot", np.int64),
        ("geometry_slot", np.int64),
        ("amplitude", np.float64),
        ("path_cos", np.float64, (PATHS,)),
        ("fading_re", np.float64, (PATHS,)),
        ("fading_im", np.float64, (PATHS,)),
    ],
    align=True,
)
"""The channel of a user in a slot in which it was measured."""

GRANT = np.dtype(
    [
        ("slot", np.int64),
        ("count", np.int64),
        ("decided", np.int64),
        ("user_ids", np.int64, (GROUP,)),
        ("beams", np.int64, (GROUP,)),
        ("private_power_w", np.float32, (GROUP,)),
        ("common_power_w", np.float32),
    ],
    align=True,
)

FRAME = np.dtype(
    [
        ("count", np.int64),
        ("decided_slot", np.int64),
        ("user_ids", np.uint16, (GROUP,)),
        ("queue_bits", np.uint32, (GROUP,)),
        ("head_age_us", np.uint32, (GROUP,)),
        ("ssr", np.float32, (GROUP,)),
        ("last_outcome", np.float32, (GROUP, 7)),
    ],
    align=True,
)

OUTCOME = np.dtype(
    [
        ("count", np.int64),
        ("slot", np.int64),
        ("common_power_w", np.float32),
        ("bandwidth_hz", np.int64),
        ("power_w", np.float32),
        ("noise_w", np.float32),  # in the slice's band
        ("hwi_model", np.int64),
        ("kappa_t", np.float32),
        ("kappa_r", np.float32),
        ("user_ids", np.uint16, (GROUP,)),
        ("beams", np.int16, (GROUP,)),
        ("private_power_w", np.float32, (GROUP,)),
        ("common_sdnr", np.float32, (GROUP,)),
        ("common_share", np.float32, (GROUP,)),
        ("private_sdnr", np.float32, (GROUP,)),
        ("private_rate", np.float32, (GROUP,)),
        ("rate_bps", np.float32, (GROUP,)),
        ("sent_bits", np.uint32, (GROUP,)),
        ("decision_source", np.uint8, (GROUP,)),
        ("common_gain", np.float32, (GROUP,)),
        ("channel_gain", np.float32, (GROUP,)),
        ("delivered_packets", np.int64),
        ("dropped_packets", np.int64),
    ],
    align=True,
)

COUNTS = (
    "offered_packets",
    "delivered_packets",
    "succeeded_packets",
    "dropped_full_packets",
    "dropped_late_packets",
    "offered_bits",
    "delivered_bits",
    "dropped_bits",
    "decisions_control",
    "decisions_held",
    "decisions_default",
    "active_user_slots",
)
"""Integer measures of a slice."""
(
    OFFERED,
    DELIVERED,
    SUCCEEDED,
    DROPPED_FULL,
    DROPPED_LATE,
    OFFERED_BITS,
    DELIVERED_BITS,
    DROPPED_BITS,
    BY_CONTROL,
    BY_HELD,
    BY_DEFAULT,
    ACTIVE,
) = range(len(COUNTS))

SUMS = ("rate_bps", "rate_bps_hz", "delay_ms", "bandwidth_hz", "power_w", "common_power_w", "private_power_w")
"""Real measures of a slice, summed over slots (delay: over delivered packets)."""
SUM_RATE, SUM_RATE_PER_HZ, SUM_DELAY, SUM_BANDWIDTH, SUM_POWER, SUM_COMMON_POWER, SUM_PRIVATE_POWER = range(len(SUMS))


class CellState(NamedTuple):
    """Everything that a slot touches."""

    cell: Any  # CELL [1]
    users: Any  # USER [U]
    slices: Any  # SLICE [S]
    grants: Any  # GRANT [RING, S]
    frames: Any  # FRAME [S]
    outcomes: Any  # OUTCOME [S]
    backlog_bits: Any  # i64 [U]
    packet_bits: Any  # i64 [U, Q], still to be sent
    packet_slot: Any  # i64 [U, Q], slot of arrival
    next_arrival_ms: Any  # f64 [U], operational time
    response: Any  # f32 [U, L, 2, N]: a^H C of each path, real and imaginary
    frame_gains: Any  # f32 [S, GROUP, N]
    outcome_gains: Any  # f32 [S, GROUP, N]
    half_turns: Any  # f64 [2, N]: table of the codebook's half angles
    beam_domain: Any  # f32 [GROUP, 2, N]: h^H C of the group at work
    common_beams: Any  # f32 [pool, 2, N]
    matrices: Any  # f64 [2, GROUP, GROUP + 1]: gains and spreads
    codebook: Any  # c128 [N, N]
    measurements: Any  # MEASUREMENT [U, MEASUREMENTS]
    csi_response: Any  # f32 [L, 2, N]: a^H C of a measured place that is no longer the user's
    csi_domain: Any  # f32 [2, N]: h^H C as measured, of the user at work
    csi_gains: Any  # f32 [GROUP, N]: |h^H C|^2 as measured, of the group at work
    loading: Any  # f64 [GROUP]
    channel_rows: Any  # c128 [GROUP, N]: h of the group at work
    csi_rows: Any  # c128 [GROUP, N]: h as measured
    beam_rows: Any  # c128 [GROUP + 1, N]: beams, the common one last
    small: Any  # c128 [2, GROUP, GROUP]: for the inverse of ZF
    beam_scratch: Any  # c128 [N]
    window_counts: Any  # i64 [S, len(COUNTS)]
    total_counts: Any  # i64 [S, len(COUNTS)]
    window_sums: Any  # f64 [S, len(SUMS)]
    total_sums: Any  # f64 [S, len(SUMS)]
    delays: Any  # i64 [2, S, DELAY_BINS + 1]: window and total
    trace: Any  # u8 [TRACE_BYTES]
    float_bits: Any  # f32 [1], for its bytes


def allocate(users: int, antennas: int, queue_packets: int, codebook: Any, common_beams: Any) -> CellState:
    """Zeroed state for `users` users with queues of `queue_packets` and `antennas` antennas (as many beams)."""
    return CellState(
        cell=np.zeros(1, CELL),
        users=np.zeros(users, USER),
        slices=np.zeros(SLICES, SLICE),
        grants=np.zeros((RING, SLICES), GRANT),
        frames=np.zeros(SLICES, FRAME),
        outcomes=np.zeros(SLICES, OUTCOME),
        backlog_bits=np.zeros(users, np.int64),
        packet_bits=np.zeros((users, queue_packets), np.int64),
        packet_slot=np.zeros((users, queue_packets), np.int64),
        next_arrival_ms=np.zeros(users, np.float64),
        response=np.zeros((users, PATHS, 2, antennas), np.float32),
        frame_gains=np.zeros((SLICES, GROUP, antennas), np.float32),
        outcome_gains=np.zeros((SLICES, GROUP, antennas), np.float32),
        half_turns=half_turns(antennas),
        beam_domain=np.zeros((GROUP, 2, antennas), np.float32),
        common_beams=common_beams,
        matrices=np.zeros((2, GROUP, GROUP + 1), np.float64),
        codebook=codebook,
        measurements=np.zeros((users, MEASUREMENTS), MEASUREMENT),
        csi_response=np.zeros((PATHS, 2, antennas), np.float32),
        csi_domain=np.zeros((2, antennas), np.float32),
        csi_gains=np.zeros((GROUP, antennas), np.float32),
        loading=np.zeros(GROUP, np.float64),
        channel_rows=np.zeros((GROUP, antennas), np.complex128),
        csi_rows=np.zeros((GROUP, antennas), np.complex128),
        beam_rows=np.zeros((GROUP + 1, antennas), np.complex128),
        small=np.zeros((2, GROUP, GROUP), np.complex128),
        beam_scratch=np.zeros(antennas, np.complex128),
        window_counts=np.zeros((SLICES, len(COUNTS)), np.int64),
        total_counts=np.zeros((SLICES, len(COUNTS)), np.int64),
        window_sums=np.zeros((SLICES, len(SUMS)), np.float64),
        total_sums=np.zeros((SLICES, len(SUMS)), np.float64),
        delays=np.zeros((2, SLICES, DELAY_BINS + 1), np.int64),
        trace=np.zeros(TRACE_BYTES, np.uint8),
        float_bits=np.zeros(1, np.float32),
    )


EXAMPLE = allocate(1, 1, 1, np.zeros((1, 1), np.complex128), np.zeros((1, 2, 1), np.float32))
"""The types of a state's arrays, for compiled code."""
