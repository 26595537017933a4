"""What a second was worth: Algorithm 1, and the reward that the tuned agents are trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xapps.slicing.observation import SLICE_NAMES

ETA_WEIGHT = 0.6
SSR_WEIGHTS = (1.0, 2.0, 3.0)
SSR_THRESHOLD = 0.95
"""SSR that every slice is to reach (C6)."""
CENTRE, SCALE = 20.0, 4.0
"""Of the objective: fixed numbers that bring utilities to the order of 1, as networks like their targets."""


class RewardError(ValueError):
    """SSR or spectral efficiency that no reward follows from; the message names the field and its range."""


def _check(ssr: npt.ArrayLike, eta_bps_hz: float) -> npt.NDArray[np.float64]:
    values = np.asarray(ssr, dtype=np.float64)
    if values.shape != (len(SLICE_NAMES),) or not np.all((values >= 0) & (values <= 1)):
        raise RewardError(f"ssr: must be {len(SLICE_NAMES)} values from 0 to 1, not {values.tolist()}")
    if not 0 <= eta_bps_hz < np.inf:
        raise RewardError(f"eta_bps_hz: must be at least 0 and finite, not {eta_bps_hz}")
    return values


def algorithm_1(ssr: npt.ArrayLike, eta_bps_hz: float, eta_threshold_bps_hz: float = 100.0) -> float:
    """Team reward as printed in Algorithm 1; at the printed threshold the bonus on eta is out of reach.

    Args:
        ssr: [S] success ratio of each slice, 0..1 (Eq. 4).
        eta_bps_hz: spectral efficiency of the cell (Eq. 17).
        eta_threshold_bps_hz: where the bonus begins.

    Raises:
        RewardError: a value is out of range.
    """
    vonr, embb, urllc = _check(ssr, eta_bps_hz).tolist()
    if min(vonr, embb, urllc) >= SSR_THRESHOLD:
        if eta_bps_hz < eta_threshold_bps_hz:
            return 10.0
        return float(10 + 0.1 * (eta_bps_hz - eta_threshold_bps_hz))
    if urllc < SSR_THRESHOLD:
        return float(10 * (urllc - 0.7))
    return float(-2 * (1 - min(vonr, embb)))


def utility_under_sla(ssr: npt.ArrayLike, eta_bps_hz: float, sla_weight: float) -> float:
    """The `objective` of one second, as a reward.

    Args:
        ssr: [S] success ratio of each slice, 0..1 (Eq. 4).
        eta_bps_hz: spectral efficiency of the cell (Eq. 17).
        sla_weight: lambda.

    Raises:
        RewardError: a value is out of range.
    """
    return float(objective(_check(ssr, eta_bps_hz), eta_bps_hz, sla_weight))


def slice_objectives(
    ssr: npt.NDArray[np.float64], slice_eta_bps_hz: npt.NDArray[np.float64], sla_weight: float
) -> npt.NDArray[np.float64]:
    """What each slice adds to the `objective`, unchecked; the sum is the objective plus 5.

    Args:
        ssr: [..., S] success ratio of each slice, 0..1 (Eq. 4).
        slice_eta_bps_hz: [..., S] its part of the cell's spectral efficiency (Eq. 17).
        sla_weight: lambda.

    Returns:
        [..., S].
    """
    deficits = np.maximum(0.0, SSR_THRESHOLD - ssr)
    return np.asarray((ETA_WEIGHT * slice_eta_bps_hz + ssr * np.array(SSR_WEIGHTS)) / SCALE - sla_weight * deficits)


def objective(
    ssr: npt.NDArray[np.float64], eta_bps_hz: npt.NDArray[np.float64] | float, sla_weight: float
) -> npt.NDArray[np.float64]:
    """Centred utility less the SLA's deficits: (U - 20) / 4 - lambda sum_s max(0, 0.95 - SSR_s), unchecked.

    U = 0.6 eta + SSR_VoNR + 2 SSR_eMBB + 3 SSR_uRLLC.

    Args:
        ssr: [..., S] success ratio of each slice, 0..1 (Eq. 4).
        eta_bps_hz: [...] spectral efficiency of the cell (Eq. 17).
        sla_weight: lambda.
    """
    deficits = np.maximum(0.0, SSR_THRESHOLD - ssr).sum(axis=-1)
    utility = np.asarray(ETA_WEIGHT * eta_bps_hz + ssr @ np.array(SSR_WEIGHTS))
    return np.asarray((utility - CENTRE) / SCALE - sla_weight * deficits)
