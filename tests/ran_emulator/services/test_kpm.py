"""KPM values against a window whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hiso_proto import e2sm_kpm_pb2 as kpm_pb

from ran_emulator import kpm
from ran_emulator import state as st
from ran_emulator.cell import SecondWindow
from ran_emulator.scenario import Impairments

CELL = kpm_pb.MeasurementLabel(no_label=True)
VONR, EMBB, URLLC = (
    kpm_pb.MeasurementLabel(slice_id=kpm_pb.SNssai(sst=sst, sd=sd)) for sst, sd in ((1, 1), (1, 0xFFFFFF), (2, 0))
)


def known_window() -> kpm.KpmWindow:
    counts = np.zeros((3, len(st.COUNTS)), np.int64)
    counts[1, st.OFFERED] = 120
    counts[1, st.DELIVERED] = 90
    counts[1, st.SUCCEEDED] = 80
    counts[1, st.DROPPED_FULL] = 4
    counts[1, st.DROPPED_LATE] = 6
    counts[1, st.OFFERED_BITS] = 500_000
    counts[1, st.DELIVERED_BITS] = 400_000
    counts[1, [st.BY_CONTROL, st.BY_HELD, st.BY_DEFAULT]] = 100, 20, 3
    counts[1, st.ACTIVE] = 1_000
    sums = np.zeros((3, len(st.SUMS)))
    sums[1, st.SUM_RATE] = 2_000 * 50e6
    sums[1, st.SUM_RATE_PER_HZ] = 2_000 * 12.0
    sums[1, st.SUM_DELAY] = 180.0
    sums[1, st.SUM_COMMON_POWER] = 2_000 * 9.0
    sums[1, st.SUM_PRIVATE_POWER] = 2_000 * 1.0
    window = SecondWindow(
        second=5,
        slot=10_000,
        counts=counts,
        sums=sums,
        delays=np.zeros((3, st.DELAY_BINS + 1), np.int64),
        queued_packets=np.array([0, 20, 0]),
        queued_bits=np.array([0, 80_000, 0]),
        bandwidth_hz=np.array([2_000_000, 6_000_000, 2_000_000]),
        power_w=np.array([250.0, 500.0, 250.0], np.float32),
        hwi=Impairments(kappa_t=1e-3, kappa_r=2e-3),
        regime=None,
    )
    return kpm.KpmWindow(window, (0, 7, 1), 10_000_000)


EXPECTED = {
    "DRB.UEThpDl": 800.0,  # 400 kbit in 0.5 s of activity
    "DRB.RlcSduDelayDl": 20.0,  # 2 ms
    "DRB.RlcSduTransmittedVolumeDL": 400.0,
    "DRB.MeanActiveUeDl": 0.5,
    "DRB.RlcPacketDropRateDl": 100_000,
    "VS.SLA.SatisfactionRateDl": 0.8,
    "VS.DRB.OfferedPacketNbrDl": 120,
    "VS.DRB.OfferedVolumeDl": 500.0,
    "VS.DRB.BufferOccupancyDl": 10_000,
    "VS.DRB.DropQueueFullRateDl": 40_000,
    "VS.DRB.DropLateRateDl": 60_000,
    "VS.CARR.SpectralEffDl": 5.0,
    "VS.CARR.SpectralEffSumDl": 12.0,
    "VS.RRU.BandwidthBudgetDl": 6_000_000,
    "VS.CARR.TxPwrBudgetDl": 56.9897,
    "VS.CARR.MeanTxPwrDl": 40.0,
    "VS.RSMA.CommonStreamPwrDl": 39.5424,
    "VS.RSMA.PrivateStreamPwrDl": 30.0,
    "VS.LLC.MissedDeadlineNbr": 7,
    "VS.LLC.FallbackDecisionNbr": 23,
}


def _value(record: kpm_pb.MeasurementRecordItem) -> float | None:
    kind = record.WhichOneof("value")
    return None if kind == "no_value" else getattr(record, kind)


def test_values_of_a_slice() -> None:
    items = [kpm_pb.MeasurementInfoItem(meas_name=name, label_info_list=[EMBB]) for name in EXPECTED]
    values = [_value(r) for r in kpm.data_item(kpm.columns(items), known_window()).meas_record]
    assert dict(zip(EXPECTED, values, strict=True)) == pytest.approx(EXPECTED, rel=1e-5)


def test_values_of_the_cell() -> None:
    wanted = {
        "CARR.MeanTxPwr": 40.0,
        "VS.HWI.Kappa": 1e-3,
        "VS.HWI.KappaRx": 2e-3,
        "VS.LLC.MissedDeadlineNbr": 8,
        "VS.SLA.SatisfactionRateDl": 0.8,
        "VS.RRU.BandwidthBudgetDl": 10_000_000,
        "VS.CARR.TxPwrBudgetDl": 60.0,
    }
    items = [kpm_pb.MeasurementInfoItem(meas_name=name, label_info_list=[CELL]) for name in wanted]
    values = [_value(r) for r in kpm.data_item(kpm.columns(items), known_window()).meas_record]
    assert dict(zip(wanted, values, strict=True)) == pytest.approx(wanted, rel=1e-6)


def test_records_follow_measurements_times_labels() -> None:
    items = [
        kpm_pb.MeasurementInfoItem(meas_name="VS.DRB.OfferedPacketNbrDl", label_info_list=[URLLC, EMBB, VONR, CELL]),
        kpm_pb.MeasurementInfoItem(meas_name="DRB.RlcSduDelayDl", label_info_list=[URLLC]),
    ]
    values = [_value(r) for r in kpm.data_item(kpm.columns(items), known_window()).meas_record]
    assert values == [0, 120, 0, 120, None]  # nothing delivered: no delay


def test_every_row_of_the_table_can_be_measured() -> None:
    for row in kpm.MEASUREMENTS:
        assert row.unit
        assert row.meaning
        assert "_" not in row.name
        for place in (kpm.CELL, 0, 1, 2):
            if row.per_cell if place == kpm.CELL else row.per_slice:
                assert isinstance(row.value(known_window(), place), int | float | None)


@pytest.mark.parametrize(
    ("name", "labels", "named"),
    [
        ("DRB.Nothing", [CELL], "DRB.Nothing"),
        ("DRB.UEThpDl", [], "label_info_list"),
        ("CARR.MeanTxPwr", [EMBB], "no_label"),
        ("VS.RSMA.CommonStreamPwrDl", [CELL], "slice_id"),
        ("DRB.UEThpDl", [kpm_pb.MeasurementLabel(slice_id=kpm_pb.SNssai(sst=3))], "sst 1"),
    ],
)
def test_what_is_not_offered_is_named(name: str, labels: list[kpm_pb.MeasurementLabel], named: str) -> None:
    with pytest.raises(kpm.UnknownMeasurementError, match=named):
        kpm.columns([kpm_pb.MeasurementInfoItem(meas_name=name, label_info_list=labels)])


@pytest.mark.parametrize(
    "labels",
    [
        [[CELL, EMBB, CELL]],
        [[CELL], [EMBB], [CELL]],
        [[kpm_pb.MeasurementLabel(slice_id=kpm_pb.SNssai(sst=1, sd=sd)) for sd in (0, kpm.NO_SD)]],  # the same slice
    ],
)
def test_a_measurement_of_a_place_may_stand_once(labels: list[list[kpm_pb.MeasurementLabel]]) -> None:
    """Else a REPORT would have no largest size."""
    items = [kpm_pb.MeasurementInfoItem(meas_name="DRB.UEThpDl", label_info_list=each) for each in labels]
    with pytest.raises(kpm.RepeatedMeasurementError, match=r"DRB.UEThpDl of (the cell|embb) stands twice"):
        kpm.columns(items)
