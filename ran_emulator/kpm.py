"""KPM measurements out of closed seconds (E2SM-KPM report style 1): one table of names, units and meanings.

Names are TS 28.552's where they exist and "VS." names where they do not; a slice is the label sliceID.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hiso_proto import e2sm_kpm_pb2 as kpm

from ran_emulator import state as st
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import SLICE_NAMES, SLOT_US, SLOTS_PER_SECOND

GRANULARITY_MS = 1_000
MAX_REPORTING_PERIOD_MS = 3_600_000
NO_SD = 0xFFFFFF
S_NSSAI = ((1, 1), (1, NO_SD), (2, NO_SD))
"""(SST, SD) a slice (TS 23.501 5.15.2.2): there is no SST for voice, so VoNR is SST 1 with an SD of its own."""
FIVE_QI = (1, 9, 82)
"""5QI a slice (TS 23.501 table 5.7.4-1): conversational voice, best effort, delay-critical GBR."""

CELL = -1
"""Place of the whole cell beside the slice indices 0..2."""

Value = int | float | None


def _rows(place: int) -> tuple[int, ...]:
    return (0, 1, 2) if place == CELL else (place,)


@dataclass(frozen=True, slots=True)
class KpmWindow:
    """One closed second and what belongs to it beside the cell's own measures."""

    window: SecondWindow
    missed_deadlines: tuple[int, int, int]
    total_bandwidth_hz: int

    def count(self, place: int, *columns: int) -> int:
        """Sum of integer measures, of one slice or of the cell."""
        counts = self.window.counts
        return int(sum(counts[row, column] for row in _rows(place) for column in columns))

    def total(self, place: int, *columns: int) -> float:
        """Sum of real measures, of one slice or of the cell."""
        sums = self.window.sums
        return float(sum(sums[row, column] for row in _rows(place) for column in columns))

    def resolved(self, place: int) -> int:
        """Packets delivered or dropped."""
        return self.count(place, st.DELIVERED, st.DROPPED_FULL, st.DROPPED_LATE)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table."""

    name: str
    unit: str
    per_slice: bool
    per_cell: bool
    meaning: str
    value: Callable[[KpmWindow, int], Value]


def _ratio(part: float, whole: float, scale: float = 1.0) -> float | None:
    return part / whole * scale if whole else None


def _millionths(part: int, whole: int) -> int | None:
    return round(part / whole * 1e6) if whole else None


def _dbm(power_w: float) -> float | None:
    return 10 * math.log10(power_w * 1e3) if power_w > 0 else None


def _mean_dbm(window: KpmWindow, place: int, *columns: int) -> float | None:
    return _dbm(window.total(place, *columns) / SLOTS_PER_SECOND)


def _picked(values: npt.NDArray[np.int64], place: int) -> int:
    return int(values.sum() if place == CELL else values[place])


def _ssr(window: KpmWindow, place: int) -> float:
    if place == CELL:
        done = window.resolved(CELL)
        return window.count(CELL, st.SUCCEEDED) / done if done else 1.0
    return float(window.window.ssr()[place])


MEASUREMENTS = (
    Measurement(
        "DRB.UEThpDl", "kbit/s", True, True,
        "mean throughput of a user while it has data queued (slots that empty the queue included)",
        lambda w, s: _ratio(w.count(s, st.DELIVERED_BITS), w.count(s, st.ACTIVE) * SLOT_US, 1e3),
    ),
    Measurement(
        "DRB.RlcSduDelayDl", "0.1 ms", True, True,
        "mean delay of delivered packets, queueing and transmission",
        lambda w, s: _ratio(w.total(s, st.SUM_DELAY), w.count(s, st.DELIVERED), 10),
    ),
    Measurement(
        "DRB.RlcSduTransmittedVolumeDL", "kbit", True, True,
        "bits delivered",
        lambda w, s: w.count(s, st.DELIVERED_BITS) / 1e3,
    ),
    Measurement(
        "DRB.MeanActiveUeDl", "1", True, True,
        "mean number of users with data queued, over slots: REAL, where TS 28.552 has INTEGER",
        lambda w, s: w.count(s, st.ACTIVE) / SLOTS_PER_SECOND,
    ),
    Measurement(
        "DRB.RlcPacketDropRateDl", "1e-6", True, True,
        "packets dropped among those delivered or dropped",
        lambda w, s: _millionths(w.count(s, st.DROPPED_FULL, st.DROPPED_LATE), w.resolved(s)),
    ),
    Measurement(
        "CARR.MeanTxPwr", "dBm", False, True,
        "mean power radiated by the cell",
        lambda w, s: _mean_dbm(w, s, st.SUM_COMMON_POWER, st.SUM_PRIVATE_POWER),
    ),
    Measurement(
        "VS.SLA.SatisfactionRateDl", "1", True, True,
        "SSR (Eq. 4): packets in time and at the minimum rate among those delivered or dropped; 1 where there is none",
        _ssr,
    ),
    Measurement(
        "VS.DRB.OfferedPacketNbrDl", "1", True, True,
        "packets that arrived (Omega_s, the agents' state in Eq. 18)",
        lambda w, s: w.count(s, st.OFFERED),
    ),
    Measurement(
        "VS.DRB.OfferedVolumeDl", "kbit", True, True,
        "bits that arrived",
        lambda w, s: w.count(s, st.OFFERED_BITS) / 1e3,
    ),
    Measurement(
        "VS.DRB.BufferOccupancyDl", "byte", True, True,
        "bytes queued at the end of the second",
        lambda w, s: _picked(w.window.queued_bits, s) // 8,
    ),
    Measurement(
        "VS.DRB.DropQueueFullRateDl", "1e-6", True, True,
        "packets that found the queue full among those delivered or dropped",
        lambda w, s: _millionths(w.count(s, st.DROPPED_FULL), w.resolved(s)),
    ),
    Measurement(
        "VS.DRB.DropLateRateDl", "1e-6", True, True,
        "packets dropped past their latency bound among those delivered or dropped",
        lambda w, s: _millionths(w.count(s, st.DROPPED_LATE), w.resolved(s)),
    ),
    Measurement(
        "VS.CARR.SpectralEffDl", "bit/s/Hz", True, True,
        "eta (Eq. 17): rates granted over the cell's bandwidth, mean over slots; a slice's part of it",
        lambda w, s: w.total(s, st.SUM_RATE) / SLOTS_PER_SECOND / w.total_bandwidth_hz,
    ),
    Measurement(
        "VS.CARR.SpectralEffSumDl", "bit/s/Hz", True, True,
        "eta_sum: rates granted over the users' own band, summed over served users, mean over slots",
        lambda w, s: w.total(s, st.SUM_RATE_PER_HZ) / SLOTS_PER_SECOND,
    ),
    Measurement(
        "VS.RRU.BandwidthBudgetDl", "Hz", True, True,
        "bandwidth budget in force at the end of the second",
        lambda w, s: _picked(w.window.bandwidth_hz, s),
    ),
    Measurement(
        "VS.CARR.TxPwrBudgetDl", "dBm", True, True,
        "power budget in force at the end of the second",
        lambda w, s: _dbm(float(w.window.power_w.sum(dtype=np.float64) if s == CELL else w.window.power_w[s])),
    ),
    Measurement(
        "VS.CARR.MeanTxPwrDl", "dBm", True, False,
        "mean power radiated for the slice",
        lambda w, s: _mean_dbm(w, s, st.SUM_COMMON_POWER, st.SUM_PRIVATE_POWER),
    ),
    Measurement(
        "VS.RSMA.CommonStreamPwrDl", "dBm", True, False,
        "mean power of the common stream",
        lambda w, s: _mean_dbm(w, s, st.SUM_COMMON_POWER),
    ),
    Measurement(
        "VS.RSMA.PrivateStreamPwrDl", "dBm", True, False,
        "mean power of all private streams together",
        lambda w, s: _mean_dbm(w, s, st.SUM_PRIVATE_POWER),
    ),
    Measurement(
        "VS.LLC.MissedDeadlineNbr", "1", True, True,
        "slot INSERTs whose slot ran without the decision asked for",
        lambda w, s: sum(w.missed_deadlines) if s == CELL else w.missed_deadlines[s],
    ),
    Measurement(
        "VS.LLC.FallbackDecisionNbr", "1", True, True,
        "users served by a held decision or by the node's default",
        lambda w, s: w.count(s, st.BY_HELD, st.BY_DEFAULT),
    ),
    Measurement(
        "VS.HWI.Kappa", "1", False, True,
        "transmitter's impairment kappa_t (Eq. 11) at the end of the second",
        lambda w, _: w.window.hwi.kappa_t,
    ),
    Measurement(
        "VS.HWI.KappaRx", "1", False, True,
        "receivers' impairment kappa_r (Eq. 12) at the end of the second",
        lambda w, _: w.window.hwi.kappa_r,
    ),
)  # fmt: skip

BY_NAME = {row.name: row for row in MEASUREMENTS}


class UnknownMeasurementError(ValueError):
    """A name or label that is not offered; the message says which, and what is."""


class RepeatedMeasurementError(ValueError):
    """A measurement that is asked for twice of the same place; the message says which."""


Column = tuple[Measurement, int]


def columns(items: list[kpm.MeasurementInfoItem]) -> list[Column]:
    """Measurements of an action definition in the order of its records: measInfoList x labelInfoList.

    Each once, so that a report is never larger than what is offered.

    Raises:
        UnknownMeasurementError: a name, or a label for a name, that is not offered.
        RepeatedMeasurementError: a name and label that stand twice.
    """
    result: dict[tuple[str, int], Column] = {}
    for item in items:
        row = BY_NAME.get(item.meas_name)
        if row is None:
            raise UnknownMeasurementError(f"meas_name: {item.meas_name!r} is not in this function's definition")
        if not item.label_info_list:
            raise UnknownMeasurementError(f"{row.name}: label_info_list: at least one label is required")
        for label in item.label_info_list:
            place = _place(row, label)
            if (row.name, place) in result:
                whose = "the cell" if place == CELL else SLICE_NAMES[place]
                raise RepeatedMeasurementError(f"meas_info_list: {row.name} of {whose} stands twice")
            result[row.name, place] = (row, place)
    return list(result.values())


def _place(row: Measurement, label: kpm.MeasurementLabel) -> int:
    if label.no_label and not label.HasField("slice_id"):
        if not row.per_cell:
            raise UnknownMeasurementError(f"{row.name}: is measured per slice only: a label slice_id is required")
        return CELL
    wanted = (label.slice_id.sst, label.slice_id.sd or NO_SD)
    if label.no_label or wanted not in S_NSSAI or not row.per_slice:
        offered = "slice_id of " + ", ".join(f"sst {sst} sd {sd:06X}" for sst, sd in S_NSSAI)
        raise UnknownMeasurementError(
            f"{row.name}: label must be {offered if row.per_slice else 'no_label'}"
            f"{' or no_label' if row.per_slice and row.per_cell else ''}"
        )
    return S_NSSAI.index(wanted)


def data_item(wanted: list[Column], window: KpmWindow) -> kpm.MeasurementDataItem:
    """One granularity period: a record a column; no_value where nothing was measured."""
    item = kpm.MeasurementDataItem()
    for row, place in wanted:
        value = row.value(window, place)
        record = item.meas_record.add()
        if value is None:
            record.no_value = True
        elif isinstance(value, int):
            record.integer = value
        else:
            record.real = value
    return item


def definition() -> kpm.RanFunctionDefinition:
    """What this RAN function offers."""
    return kpm.RanFunctionDefinition(
        short_name="ORAN-E2SM-KPM",
        ric_report_style_list=[1],
        measurements=[
            kpm.MeasurementDescription(
                meas_name=row.name,
                unit=row.unit,
                per_slice=row.per_slice,
                per_cell=row.per_cell,
                meaning=row.meaning,
            )
            for row in MEASUREMENTS
        ],
        slices=[
            kpm.SliceItem(
                slice_id=index,
                name=name,
                s_nssai=kpm.SNssai(sst=S_NSSAI[index][0], sd=S_NSSAI[index][1]),
                five_qi=FIVE_QI[index],
            )
            for index, name in enumerate(SLICE_NAMES)
        ],
    )
