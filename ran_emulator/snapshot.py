"""What the hot loop shows of itself: one fixed-size record in shared memory, which the face reads at any time.

Layout: u64 sequence (odd while it is being written), u64 CRC-32 of the record, the record. A reader copies, and reads
again where the sequence moved or the sum is wrong: no lock, and a reader can never delay the writer.
"""

from __future__ import annotations

import mmap
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ran_emulator.e2 import traffic as e2_traffic
from ran_emulator.e2.node_configuration import FUNCTION_NAMES
from ran_emulator.scenario import SLICE_NAMES

FILE_NAME = "snapshot"
"""In the run's folder."""

PERIOD_S = 0.25
"""Wall time between two snapshots."""

QUANTILES = (0.5, 0.95, 0.99)

SLICE = np.dtype(
    [
        # now
        ("users", np.int64),
        ("load", np.float64),
        ("speed_m_s", np.float64),
        ("bandwidth_hz", np.int64),
        ("power_w", np.float64),
        ("queued_packets", np.int64),
        ("queued_bits", np.int64),
        # since slot 0
        ("offered_packets", np.int64),
        ("delivered_packets", np.int64),
        ("succeeded_packets", np.int64),
        ("dropped_full_packets", np.int64),
        ("dropped_late_packets", np.int64),
        ("offered_bits", np.int64),
        ("delivered_bits", np.int64),
        ("dropped_bits", np.int64),
        ("decisions_control", np.int64),
        ("decisions_held", np.int64),
        ("decisions_default", np.int64),
        ("missed_deadlines", np.int64),
        # the last closed second
        ("ssr", np.float64),
        ("delay_ms", np.float64, (len(QUANTILES),)),  # NaN where nothing was delivered
        ("active_users", np.float64),
        ("goodput_bps", np.float64),
        ("eta_bps_hz", np.float64),
        ("second_offered_packets", np.int64),
        ("second_dropped_packets", np.int64),
        ("second_bandwidth_hz", np.int64),
        ("second_power_w", np.float64),
    ]
)

USER = np.dtype(
    [
        ("x_m", np.float64),
        ("y_m", np.float64),
        ("queued_packets", np.int64),
        ("queued_bits", np.int64),
        ("ssr", np.float64),
    ]
)


def record_type(users: int) -> np.dtype[Any]:
    """The record for a cell of `users` users."""
    return np.dtype(
        [
            ("wall_time_s", np.float64),  # Unix time at which it was written
            ("slot", np.int64),
            ("connected", np.int64),
            ("functions", np.int64, (len(FUNCTION_NAMES),)),  # FunctionState
            ("regime", np.int64),  # -1: the scenario has none
            ("regime_fixed", np.int64),
            ("hwi_model", np.int64),
            ("kappa_t", np.float64),
            ("kappa_r", np.float64),
            ("csi_delay_slots", np.int64),
            ("csi_period_slots", np.int64),
            ("csi_noise", np.float64),
            ("late_slots", np.int64),
            ("real_time_factor", np.float64),
            ("loop_latency_ms", np.float64, (3,)),  # p50, p99, max of the last second; NaN where nothing was decided
            # the last closed second; seconds = 0: none yet
            ("seconds", np.int64),
            ("eta_bps_hz", np.float64),
            ("eta_sum_bps_hz", np.float64),
            ("goodput_bps_hz", np.float64),
            ("utility", np.float64),
            ("slices", SLICE, (len(SLICE_NAMES),)),
            ("e2_bytes", np.int64, (e2_traffic.CELLS,)),
            ("e2_messages", np.int64, (e2_traffic.CELLS,)),
            ("users", USER, (users,)),
        ]
    )


class SnapshotFile:
    """The shared record: `create` once, then `open` it in each process."""

    _HEADER = 16

    def __init__(self, path: Path, users: int) -> None:
        """Open one that was created for as many users."""
        self.type = record_type(users)
        size = self._HEADER + self.type.itemsize
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)
        self._sequence = np.frombuffer(self._memory, np.uint64, 2)

    @classmethod
    def create(cls, path: Path, users: int) -> SnapshotFile:
        """An empty one; a process that still holds an older one of this name keeps that."""
        part = path.with_name(path.name + ".part")
        part.write_bytes(bytes(cls._HEADER + record_type(users).itemsize))
        part.replace(path)
        return cls(path, users)

    def write(self, record: Any) -> None:
        """Publish a record ([1] of `type`)."""
        data = record.tobytes()
        self._sequence[0] += 1
        self._memory[self._HEADER :] = data
        self._sequence[1] = zlib.crc32(data)
        self._sequence[0] += 1

    def read(self) -> Any | None:
        """The latest record, a copy; None where nothing was published yet."""
        while True:
            before = int(self._sequence[0])
            if before == 0:
                return None
            if before % 2 == 0:
                data = self._memory[self._HEADER :]
                if int(self._sequence[0]) == before and int(self._sequence[1]) == zlib.crc32(data):
                    return np.frombuffer(data, self.type)[0]
            time.sleep(1e-4)
