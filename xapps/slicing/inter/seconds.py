"""What a second's report says to triggers, policies and learners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xapps.slicing.observation import SLICE_NAMES, SecondReport

F64 = npt.NDArray[np.float64]


class ReportError(ValueError):
    """A report that cannot be evaluated; the message names the field and its range."""


def offered_packets(report: SecondReport) -> F64:
    """Traffic Omega of Eq. 18: packets offered in the report's second.

    Returns:
        [S] packets, in the order of the slice index.

    Raises:
        ReportError: not one count a slice, or a negative one.
    """
    loads = np.asarray(report.offered_packets, dtype=np.float64)
    if loads.shape != (len(SLICE_NAMES),):
        raise ReportError(f"offered_packets: must hold {len(SLICE_NAMES)} counts, not shape {loads.shape}")
    if not np.all(loads >= 0):
        raise ReportError(f"offered_packets: must be at least 0, not {loads.tolist()}")
    return loads


def impairments(report: SecondReport) -> F64:
    """kappa_t and kappa_r in force at the end of the report's second.

    Returns:
        [2], 0..1.

    Raises:
        ReportError: one that is out of range.
    """
    kappas = np.array([report.kappa_t, report.kappa_r])
    for name, kappa in zip(("kappa_t", "kappa_r"), kappas, strict=True):
        if not 0 <= kappa <= 1:
            raise ReportError(f"{name}: must be 0 to 1, not {kappa}")
    return kappas


def slice_outcomes(report: SecondReport) -> tuple[F64, F64, F64]:
    """Budgets in force at the end of the report's second, and what each slice made of it.

    Returns:
        [S] Hz, [S] W, [S] spectral efficiency in bit/s/Hz of the cell's band.

    Raises:
        ReportError: one that is out of range.
    """
    bandwidth_hz, power_w, eta_bps_hz = (
        np.asarray(values, dtype=np.float64)
        for values in (report.bandwidth_hz, report.power_w, report.slice_eta_bps_hz)
    )
    _check("bandwidth_hz", bandwidth_hz, bandwidth_hz > 0, "above 0")
    _check("power_w", power_w, power_w > 0, "above 0")
    _check("slice_eta_bps_hz", eta_bps_hz, eta_bps_hz >= 0, "at least 0")
    return bandwidth_hz, power_w, eta_bps_hz


def _check(name: str, values: F64, fits: npt.NDArray[np.bool_], allowed: str) -> None:
    if values.shape != (len(SLICE_NAMES),) or not np.all(fits & (values < np.inf)):
        raise ReportError(f"{name}: must be {len(SLICE_NAMES)} values {allowed}, not {values.tolist()}")


class SecondSequence:
    """Notices where a report does not follow the one before: the first, a gap, a world that began anew."""

    def __init__(self) -> None:
        """Before the first report."""
        self._last: int | None = None

    def follows(self, second: int) -> bool:
        """Whether `second` comes right after the last one given; second 0 never does."""
        expected = None if self._last is None else self._last + 1
        self._last = second
        return second == expected
